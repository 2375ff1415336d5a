//! Which implementation stands behind each import. Every interface is always linked: to the broker where the manifest grants
//! it, else to its denier.

use std::collections::BTreeSet;

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{HasData, InstancePre, Linker, LinkerInstance, ResourceType};

use crate::Interface;
use crate::attempt::Attempt;
use crate::bindings::{context, files, http, process, report, secrets, source, ssh, state};
use crate::denied::{DeniedImport, Denying};
use crate::probe::Probe;

/// Stands for the host's side of the granted interfaces.
struct Granted;

impl HasData for Granted {
    type Data<'a> = &'a mut Attempt;
}

/// For a component that is asked before anything is granted: every interface is denied, and no broker is there.
pub(crate) fn probe(
    engine: &Engine,
    code: &wasmtime::component::Component,
    stubs: &[String],
) -> wasmtime::Result<InstancePre<Probe>> {
    let mut linker = Linker::<Probe>::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    add_stubs(&mut linker, engine, code, stubs)?;
    let linker = &mut linker;
    context::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    files::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    report::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    state::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    http::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    process::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    secrets::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    source::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    ssh::add_to_linker::<_, Denying>(linker, Probe::denied)?;
    linker.instantiate_pre(code)
}

pub(crate) fn attempt(
    engine: &Engine,
    code: &wasmtime::component::Component,
    stubs: &[String],
    granted: &BTreeSet<Interface>,
) -> wasmtime::Result<InstancePre<Attempt>> {
    let mut linker = Linker::<Attempt>::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    #[cfg(target_os = "linux")]
    crate::entries::add_to_linker(&mut linker)?;
    add_stubs(&mut linker, engine, code, stubs)?;
    let linker = &mut linker;
    context::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    files::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    report::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    state::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    if granted.contains(&Interface::Http) {
        http::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    } else {
        http::add_to_linker::<_, Denying>(linker, Attempt::denied)?;
    }
    if granted.contains(&Interface::Process) {
        process::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    } else {
        process::add_to_linker::<_, Denying>(linker, Attempt::denied)?;
    }
    if granted.contains(&Interface::Secrets) {
        secrets::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    } else {
        secrets::add_to_linker::<_, Denying>(linker, Attempt::denied)?;
    }
    if granted.contains(&Interface::Source) {
        source::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    } else {
        source::add_to_linker::<_, Denying>(linker, Attempt::denied)?;
    }
    if granted.contains(&Interface::Ssh) {
        ssh::add_to_linker::<_, Granted>(linker, |attempt| attempt)?;
    } else {
        ssh::add_to_linker::<_, Denying>(linker, Attempt::denied)?;
    }
    linker.instantiate_pre(code)
}

/// `wasi:http` in all its versions: languages import it for their standard library, and start without calling it. A call ends
/// the attempt as denied. Stubs made from the component's own types do that with 40 lines; the real crate would bring an
/// HTTP stack in which nothing may ever be sent.
fn add_stubs<T: 'static>(
    linker: &mut Linker<T>,
    engine: &Engine,
    code: &wasmtime::component::Component,
    stubs: &[String],
) -> wasmtime::Result<()> {
    for (name, import) in code.component_type().imports(engine) {
        if !stubs.iter().any(|stub| stub == name) {
            continue;
        }
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        let mut stub = linker.instance(name)?;
        for (item, export) in instance.exports(engine) {
            add_stub(&mut stub, name, item, &export.ty)?;
        }
    }
    Ok(())
}

fn add_stub<T: 'static>(
    linker: &mut LinkerInstance<'_, T>,
    interface: &str,
    item: &str,
    kind: &ComponentItem,
) -> wasmtime::Result<()> {
    match kind {
        ComponentItem::ComponentFunc(_) => {
            let import = format!("{interface}#{item}");
            linker.func_new(item, move |_, _, _, _| Err(DeniedImport(import.clone()).into()))
        }
        ComponentItem::Resource(_) => linker.resource(item, ResourceType::host::<DeniedImport>(), |_, _| Ok(())),
        _ => Ok(()),
    }
}
