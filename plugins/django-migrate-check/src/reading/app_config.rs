use ruff_python_ast::{self as ast, Expr as Ast, Stmt};

use super::{ExprReader, Scope, SourceText, import_reader};
use crate::model::Label;

/// A class of `apps.py` that may be the app's configuration.
struct Candidate {
    /// None if the class computes it.
    label: Option<String>,
    is_default: bool,
}

/// The label that an app's `apps.py` gives it, chosen as Django does: the class with `default = True`, else the only one.
/// None if the file has no configuration class, so that the folder's name is the label.
pub(super) fn read_label(source: &SourceText, body: &[Stmt], folder: &str) -> Option<Label> {
    let imports = import_reader::read_imports(source, body);
    let exprs = ExprReader {
        source,
        imports: &imports,
    };
    let classes = body.iter().filter_map(|statement| match statement {
        Stmt::ClassDef(class) => candidate(exprs, class),
        _ => None,
    });
    let candidates: Vec<Candidate> = classes.collect();
    let chosen = match candidates.as_slice() {
        [] => return None,
        [only] => Some(only),
        several => several.iter().find(|candidate| candidate.is_default),
    };
    if let Some(Candidate { label: Some(label), .. }) = chosen {
        return Some(Label {
            text: label.clone(),
            is_certain: true,
        });
    }
    // Several classes without a default: the settings choose. They often agree.
    let labels: Vec<&String> = candidates
        .iter()
        .filter_map(|candidate| candidate.label.as_ref())
        .collect();
    let agree = labels.len() == candidates.len() && labels.iter().all(|label| *label == labels[0]);
    Some(match labels.first() {
        Some(label) if agree => Label {
            text: (*label).clone(),
            is_certain: true,
        },
        _ => Label {
            text: folder.to_owned(),
            is_certain: false,
        },
    })
}

/// None if the class is no configuration of an app: it has no `name`, `label` or base that says so.
fn candidate(exprs: ExprReader<'_>, class: &ast::StmtClassDef) -> Option<Candidate> {
    let bases = class.arguments.as_ref().map_or(&[][..], |arguments| &arguments.args);
    let is_config = |base: &Ast| exprs.name(base).is_some_and(|base| base.last().ends_with("Config"));
    if !bases.iter().any(is_config) {
        return None;
    }
    let mut scope = Scope::default();
    scope.add(&class.body);
    let text = |name: &str| {
        scope
            .value(name)
            .map(|value| exprs.read(value).as_str().map(str::to_owned))
    };
    let label = match (text("label"), text("name")) {
        (Some(label), _) => label,
        (None, Some(name)) => name.map(|name| name.rsplit('.').next().unwrap_or(&name).to_owned()),
        (None, None) => return None,
    };
    let is_default = scope.value("default").and_then(|value| exprs.read(value).as_bool()) == Some(true);
    Some(Candidate { label, is_default })
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::parse_module;

    use super::*;

    fn label(source: &str) -> Option<(String, bool)> {
        let module = parse_module(source).unwrap();
        let text = SourceText::new(source.to_owned());
        read_label(&text, module.suite(), "folder").map(|label| (label.text, label.is_certain))
    }

    #[test]
    fn the_label_wins_over_the_name() {
        let source = "class ShopConfig(AppConfig):\n    name = 'a.shop'\n    label = 'store'\n";
        assert_eq!(label(source), Some(("store".into(), true)));
        assert_eq!(
            label("class ShopConfig(AppConfig):\n    name = 'a.shop'\n"),
            Some(("shop".into(), true))
        );
    }

    #[test]
    fn a_file_without_a_configuration_says_nothing() {
        assert_eq!(label("class Helper:\n    name = 'x'\n"), None);
        assert_eq!(label("import os\n"), None);
    }

    #[test]
    fn of_several_the_default_is_taken() {
        let two = "class A(AppConfig):\n    name = 'a'\n\nclass B(AppConfig):\n    name = 'b'\n";
        assert_eq!(label(two), Some(("folder".into(), false)));
        assert_eq!(label(&format!("{two}    default = True\n")), Some(("b".into(), true)));
    }

    #[test]
    fn a_computed_label_is_uncertain() {
        let source = "class A(AppConfig):\n    name = 'a'\n    label = make()\n";
        assert_eq!(label(source), Some(("folder".into(), false)));
    }
}
