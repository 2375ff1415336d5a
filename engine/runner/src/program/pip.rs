//! pip's own index: it stands in pip's sources and in no configuration.

use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::Url;
use serde::Deserialize;

use crate::Host;

#[derive(Debug, Deserialize)]
struct Found {
    index: String,
    files: String,
}

/// Reads pip's sources where this Python has them, installed or packed for new environments. `-I -S`: only Python's own code
/// runs, pip's is looked at and not run.
const QUESTION: &str = r#"
import glob, json, os, re, sys, sysconfig, zipfile
NAME = 'pip/_internal/models/index.py'
folders = [sysconfig.get_path('purelib'), '/usr/lib/python3/dist-packages']
packed = [os.path.join(os.path.dirname(os.__file__), 'ensurepip', '_bundled'),
          sysconfig.get_config_var('WHEEL_PKG_DIR') or '', '/usr/share/python-wheels']
def sources():
    for folder in folders:
        try:
            with open(os.path.join(folder, NAME)) as file: yield file.read()
        except OSError: pass
    for folder in filter(None, packed):
        for wheel in sorted(glob.glob(os.path.join(glob.escape(folder), 'pip-*.whl'))):
            try: yield zipfile.ZipFile(wheel).read(NAME).decode()
            except (OSError, KeyError, zipfile.BadZipFile): pass
for text in sources():
    found = re.search(r'^PyPI\s*=\s*PackageIndex\(\s*"([^"]+)",\s*file_storage_domain="([^"]+)"', text, re.M)
    if found:
        print(json.dumps({'index': found[1], 'files': found[2]}))
        break
"#;

/// The index and the host of its files.
pub(crate) fn default_index(python: &Path, host: &Host) -> Result<[Url; 2], String> {
    let unknown = || {
        format!(
            "the pip of {} does not say which index is its own; set index-url in your pip configuration",
            python.display()
        )
    };
    let output = Command::new(python)
        .args(["-I", "-S", "-c", QUESTION])
        .current_dir("/")
        .env_clear()
        .envs(host.home.as_ref().map(|home| ("HOME", home)))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} could not be started: {error}", python.display()))?;
    let found: Found = serde_json::from_slice(&output.stdout).map_err(|_| unknown())?;
    let index = Url::parse(&found.index).map_err(|_| unknown())?;
    let mut files = index.clone();
    files.set_host(Some(&found.files)).map_err(|_| unknown())?;
    Ok([index, files])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever they are: no host is written down here.
    #[test]
    fn a_python_of_this_machine_says_two_hosts() {
        let host = Host::bare();
        let [index, files] = default_index(Path::new("/usr/bin/python3"), &host).unwrap();
        assert_eq!((index.scheme(), files.scheme()), ("https", "https"));
        assert_ne!(index.host_str(), files.host_str());
        let error = default_index(Path::new("/bin/true"), &host).unwrap_err();
        assert!(error.contains("index-url"), "{error}");
    }
}
