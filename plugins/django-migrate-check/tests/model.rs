//! What a migration becomes, on one that uses much of what Django offers.

mod folder;

use django_migrate_check::model::{Migration, OperationKind, Target, Value};
use django_migrate_check::reading::read_project;
use folder::Folder;

const MIGRATION: &str = r#"
import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from shop.operations import AddField as OwnAddField

SQL = "UPDATE shop_product " "SET price = 0"


def forwards(apps, schema_editor):
    apps.get_model("shop", "Product")


class Migration(migrations.Migration):
    atomic = False
    initial = True
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency("tags.Tag"),
        ("cart", "__latest__"),
    ] + [("shop", "0001_initial")]
    replaces = [("shop", "0002_a"), ("shop", "0003_b")]
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("owner", models.ForeignKey(to=settings.AUTH_USER_MODEL, on_delete=django.db.models.deletion.CASCADE)),
            ],
            options={"ordering": ["-id"], "managed": True},
        ),
        migrations.AddField("product", "price", models.DecimalField(max_digits=8, default=0), preserve_default=False),
        AddIndexConcurrently("product", models.Index(fields=["price"], name="price_idx")),
        migrations.RunPython(forwards, migrations.RunPython.noop),
        migrations.RunSQL(SQL),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL("SELECT 1", reverse_sql="SELECT 2")],
            state_operations=[migrations.RemoveField(model_name="product", name="old")],
        ),
        OwnAddField("product", "x", None),
        make_operation(),
    ]
"#;

fn migration() -> Migration {
    let workspace = tempfile::tempdir().unwrap();
    let folder = workspace.path().join("shop/migrations");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0004_c.py"), MIGRATION).unwrap();
    let mut read = read_project(&Folder::new(workspace.path()), "").unwrap();
    read.project.apps.remove(0).migrations.remove(0)
}

#[test]
fn the_class_s_attributes_are_typed_and_have_lines() {
    let migration = migration();
    assert_eq!((migration.name.as_str(), migration.number()), ("0004_c", Some(4)));
    assert_eq!(
        (migration.atomic, migration.initial, migration.unread.len()),
        (false, Some(true), 0)
    );
    let targets: Vec<_> = migration
        .dependencies
        .iter()
        .map(|dependency| dependency.target.to_string())
        .collect();
    assert_eq!(
        targets,
        [
            "settings.AUTH_USER_MODEL",
            "tags.__first__",
            "cart.__latest__",
            "shop.0001_initial"
        ]
    );
    assert!(matches!(migration.dependencies[0].target, Target::Swappable { .. }));
    assert_eq!(migration.dependencies[2].line, 22);
    assert_eq!(
        (migration.replaces[1].name.as_str(), migration.replaces[1].line),
        ("0003_b", 24)
    );
    let forwards = &migration.functions[0];
    assert_eq!(forwards.parameters, ["apps", "schema_editor"]);
    assert_eq!(forwards.line, 12);
    assert!(forwards.source.starts_with("def forwards(") && forwards.source.ends_with("\"Product\")"));
}

#[test]
fn operations_are_typed() {
    let migration = migration();
    let mut operations = migration.operations.iter();
    let mut next = || &operations.next().unwrap().kind;

    let OperationKind::CreateModel {
        name, fields, options, ..
    } = next()
    else {
        panic!("CreateModel")
    };
    assert_eq!(
        (name.as_str(), fields[1].0.as_str(), fields[1].1.line),
        ("Order", "owner", 30)
    );
    assert_eq!(fields[1].1.class.path, "django.db.models.ForeignKey");
    assert_eq!(
        fields[1].1.kwarg("on_delete").unwrap().as_name().unwrap().last(),
        "CASCADE"
    );
    assert!(options[0].1.is_literal());

    let OperationKind::AddField {
        model_name,
        field,
        preserve_default,
        ..
    } = next()
    else {
        panic!("AddField")
    };
    assert_eq!((model_name.as_str(), *preserve_default), ("product", false));
    assert_eq!(field.kwarg("default").unwrap().value, Value::Int(0));

    let OperationKind::AddIndex {
        concurrently, index, ..
    } = next()
    else {
        panic!("AddIndex")
    };
    assert!(*concurrently);
    assert_eq!(
        index.as_call().unwrap().kwarg("name").unwrap().as_str(),
        Some("price_idx")
    );

    let OperationKind::RunPython { code, reverse, .. } = next() else {
        panic!("RunPython")
    };
    assert_eq!(code.as_name().unwrap().written, "forwards");
    assert_eq!(reverse.as_ref().unwrap().as_name().unwrap().last(), "noop");

    let OperationKind::RunSql { sql, reverse, .. } = next() else {
        panic!("RunSql")
    };
    assert_eq!(
        migration.value_of(sql).as_str(),
        Some("UPDATE shop_product SET price = 0")
    );
    assert_eq!(*reverse, None);

    let OperationKind::SeparateDatabaseAndState { database, state } = next() else {
        panic!("Separate")
    };
    assert!(matches!(
        &database[0].kind,
        OperationKind::RunSql { reverse: Some(_), .. }
    ));
    assert_eq!((state[0].model_name(), state[0].line), (Some("product"), 40));

    // A class of the same name from elsewhere is not Django's.
    let OperationKind::Custom(call) = next() else {
        panic!("Custom")
    };
    assert_eq!(call.function.path, "shop.operations.AddField");
    let OperationKind::Custom(call) = next() else {
        panic!("Custom")
    };
    assert_eq!(call.function.written, "make_operation");
}
