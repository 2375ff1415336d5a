//! The system set on machines of other distributions: their folders and links, with real programs in them.

use crate::layout::Layout;

/// With certificates.
const CONNECTED: [&str; 2] = ["--host-loopback", "9"];

/// Prints a line for each thing that leads to files of the machine; the last one is what could be opened and should not be.
const QUESTION: &str = "
import ctypes, hashlib, os, platform, pwd, socket, sqlite3, ssl, sys, time, zoneinfo
print(platform.freedesktop_os_release()['ID'], sys.executable)
print(sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()[0], hashlib.sha256().hexdigest()[:4])
print(ctypes.CDLL(None).getpid() == os.getpid(), pwd.getpwuid(os.getuid()).pw_name)
print(time.tzname[0], zoneinfo.ZoneInfo('Europe/Berlin'))
print(socket.getservbyname('https'), socket.gethostbyname('localhost'), 'nameserver' in open('/etc/resolv.conf').read())
client, server = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain('certificate.pem', 'key.pem')
up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
ends = client.wrap_bio(down, up, server_hostname='layout.test'), server.wrap_bio(up, down, server_side=True)
for end in ends * 2:
    try: end.do_handshake()
    except ssl.SSLWantReadError: pass
print(ends[0].cipher()[0])
opened = []
for path in sys.argv[1:]:
    try: opened.append(open(path).name)
    except OSError: pass
print(opened)
";

/// OpenSSL would choose another cipher by itself.
const SETTINGS: &str = "Ciphersuites = TLS_CHACHA20_POLY1305_SHA256\n";

fn openssl_cnf(system_default: &str) -> String {
    format!("openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = settings\n[settings]\n{system_default}")
}

fn triplet() -> String {
    format!("{}-linux-gnu", std::env::consts::ARCH)
}

/// At both levels, with programs found on the PATH that programs have.
fn works(layout: &Layout, name: &str, private: &[&str]) {
    let private = [private, &["/etc/shadow", "/root/secret"]].concat();
    for (level, user) in [(&[][..], "tidegate"), (&["--degraded"], "root")] {
        let options = [&CONNECTED[..], level].concat();
        let (code, output) = layout.confine(&options, &["sh", "-c", "echo $0; python --version", "shell"]);
        let shown = format!("shell\nPython {}.", layout.python.version);
        assert!(
            code == Some(0) && output.starts_with(&shown),
            "{name} {level:?}: {output}"
        );
        let python = [&["python3", "-c", QUESTION][..], &private].concat();
        let expected = format!(
            "{name} /usr/bin/python3\n42 e3b0\nTrue {user}\nCET Europe/Berlin\n443 127.0.0.1 True\n\
            TLS_CHACHA20_POLY1305_SHA256\n[]"
        );
        assert_eq!(layout.confine(&options, &python), (Some(0), expected), "{level:?}");
    }
}

/// Debian's and Ubuntu's files, whatever leads to them.
fn debian_files(layout: Layout, name: &str) -> Layout {
    layout
        .python("/usr", "lib")
        .file("/usr/lib/os-release", &format!("ID={name}\n"))
        .file("/etc/debian_version", "trixie/sid\n")
        .file("/etc/ssl/openssl.cnf", &openssl_cnf(SETTINGS))
        .file("/etc/ssl/private/key.pem", "secret")
        .file("/etc/nsswitch.conf", "hosts: files dns\n")
        .zone("/usr/share/zoneinfo")
        .certificate("/etc/ssl/certs/ca-certificates.crt", Some("/etc/ssl/certs"))
        .openssl("/usr/lib/ssl")
        .links(&[
            ("/usr/bin/python", "/etc/alternatives/python"),
            ("/etc/alternatives/python", "/usr/bin/python3"),
            ("/etc/os-release", "../usr/lib/os-release"),
            ("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin"),
            ("/usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt"),
            ("/usr/lib/ssl/certs", "/etc/ssl/certs"),
            ("/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf"),
            ("/usr/lib/ssl/private", "/etc/ssl/private"),
        ])
}

/// Before 2023, and where it was never converted: the C library, the loader and the shell are not in /usr.
#[test]
fn debian_with_real_folders_beside_usr() {
    let Some(layout) = Layout::new() else { return };
    let layout = layout
        .folders(&["/sbin", "/usr/sbin"])
        .shell("/bin/dash")
        .links(&[("/bin/sh", "dash")])
        .libraries(&format!("/lib/{}", triplet()), &format!("/usr/lib/{}", triplet()))
        .file("/etc/resolv.conf", "nameserver 192.0.2.1\n");
    works(
        &debian_files(layout, "debian"),
        "debian",
        &["/usr/lib/ssl/private/key.pem"],
    );
}

/// What it leads to is in /etc, in a folder for each version.
#[test]
fn debian_s_hook_of_python_s_start() {
    let Some(layout) = Layout::new() else { return };
    let name = format!("python{}/sitecustomize.py", layout.python.version);
    let (hook, link) = (format!("/etc/{name}"), format!("/usr/lib/{name}"));
    let layout = layout
        .shell("/bin/sh")
        .libraries("/lib", "/lib")
        .file(&hook, "print('shown')\n");
    let layout = debian_files(layout, "debian").links(&[(&link, &hook)]);
    for level in [&[][..], &["--degraded"]] {
        let ran = layout.confine(level, &["python3", "-c", "print(1)"]);
        assert_eq!(ran, (Some(0), "shown\n1".to_owned()), "{level:?}");
    }
}

/// 24.04 and newer.
#[test]
fn ubuntu() {
    let Some(layout) = Layout::new() else { return };
    let libraries = format!("/usr/lib/{}", triplet());
    let layout = layout
        .folders(&["/bin.usr-is-merged", "/lib.usr-is-merged", "/sbin.usr-is-merged"])
        .folders(&["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"])
        .links(&[
            ("/bin", "usr/bin"),
            ("/sbin", "usr/sbin"),
            ("/lib", "usr/lib"),
            ("/lib64", "usr/lib64"),
            ("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"),
        ])
        .shell("/usr/bin/dash")
        .links(&[("/usr/bin/sh", "dash")])
        .libraries(&libraries, &libraries)
        .file("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n");
    works(&debian_files(layout, "ubuntu"), "ubuntu", &["/etc/ssl/private/key.pem"]);
}

fn fedora_files(layout: Layout) -> Layout {
    let policy = "/etc/crypto-policies/back-ends/opensslcnf.config";
    layout
        .folders(&["/usr/bin", "/usr/lib", "/usr/lib64"])
        .links(&[
            ("/bin", "usr/bin"),
            ("/sbin", "usr/sbin"),
            ("/lib", "usr/lib"),
            ("/lib64", "usr/lib64"),
        ])
        .shell("/usr/bin/bash")
        .libraries("/usr/lib64", "/usr/lib64")
        .python("/usr", "lib64")
        .file("/usr/lib/os-release", "ID=fedora\n")
        .file("/usr/lib/fedora-release", "Fedora\n")
        .file("/usr/share/crypto-policies/DEFAULT/opensslcnf.txt", SETTINGS)
        .file(
            "/etc/pki/tls/openssl.cnf",
            &openssl_cnf(&format!(".include = {policy}\n")),
        )
        .file("/etc/pki/tls/private/localhost.key", "secret")
        .file("/etc/authselect/nsswitch.conf", "hosts: files dns\n")
        .file("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n")
        .zone("/usr/share/zoneinfo")
        .openssl("/etc/pki/tls")
        .links(&[
            ("/usr/bin/sh", "bash"),
            ("/usr/bin/python", "/etc/alternatives/python"),
            ("/etc/alternatives/python", "/usr/bin/python3"),
            ("/etc/os-release", "../usr/lib/os-release"),
            ("/etc/fedora-release", "../usr/lib/fedora-release"),
            ("/etc/redhat-release", "fedora-release"),
            ("/etc/localtime", "../usr/share/zoneinfo/Europe/Berlin"),
            ("/etc/nsswitch.conf", "authselect/nsswitch.conf"),
            ("/etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"),
            (policy, "/usr/share/crypto-policies/DEFAULT/opensslcnf.txt"),
            ("/etc/ssl/certs", "../pki/tls/certs"),
            ("/etc/ssl/cert.pem", "/etc/pki/tls/cert.pem"),
            ("/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf"),
        ])
}

const FEDORA_BUNDLE: &str = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";
const FEDORA_PRIVATE: [&str; 1] = ["/etc/pki/tls/private/localhost.key"];

/// And Red Hat's and its relatives': OpenSSL reads one file.
#[test]
fn fedora_with_a_bundle() {
    let Some(layout) = Layout::new() else { return };
    let layout = fedora_files(layout)
        .folders(&["/usr/sbin"])
        .certificate(FEDORA_BUNDLE, None)
        .links(&[
            ("/etc/pki/tls/cert.pem", FEDORA_BUNDLE),
            ("/etc/pki/tls/certs/ca-bundle.crt", FEDORA_BUNDLE),
        ]);
    works(&layout, "fedora", &FEDORA_PRIVATE);
    // Programs that look where Debian has them.
    let layout = layout.openssl("/etc/ssl");
    works(&layout, "fedora", &FEDORA_PRIVATE);
}

/// 42 and newer: `sbin` is `bin`, and OpenSSL looks certificates up one by one.
#[test]
fn fedora_with_a_folder_of_certificates() {
    let Some(layout) = Layout::new() else { return };
    let layout = fedora_files(layout).links(&[("/usr/sbin", "bin")]).certificate(
        "/etc/pki/ca-trust/extracted/pem/directory-hash/test.pem",
        Some("/etc/pki/tls/certs"),
    );
    works(&layout, "fedora", &FEDORA_PRIVATE);
}

#[test]
fn arch() {
    let Some(layout) = Layout::new() else { return };
    let bundle = "../../ca-certificates/extracted/tls-ca-bundle.pem";
    let layout = layout
        .folders(&["/usr/bin", "/usr/lib"])
        .links(&[
            ("/bin", "usr/bin"),
            ("/sbin", "usr/bin"),
            ("/lib", "usr/lib"),
            ("/lib64", "usr/lib"),
            ("/usr/sbin", "bin"),
            ("/usr/lib64", "lib"),
        ])
        .shell("/usr/bin/bash")
        .libraries("/usr/lib", "/usr/lib")
        .python("/usr", "lib")
        .file("/usr/lib/os-release", "ID=arch\n")
        .file("/etc/ssl/openssl.cnf", &openssl_cnf(SETTINGS))
        .file("/etc/ssl/private/key.pem", "secret")
        .file("/etc/nsswitch.conf", "hosts: files dns\n")
        .file("/etc/resolv.conf", "nameserver 192.0.2.1\n")
        .zone("/usr/share/zoneinfo")
        .certificate("/etc/ca-certificates/extracted/tls-ca-bundle.pem", None)
        .openssl("/etc/ssl")
        .links(&[
            ("/usr/bin/sh", "bash"),
            ("/usr/bin/python", "python3"),
            ("/etc/os-release", "../usr/lib/os-release"),
            ("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin"),
            ("/etc/ssl/cert.pem", "../ca-certificates/extracted/tls-ca-bundle.pem"),
            ("/etc/ssl/certs/ca-certificates.crt", bundle),
        ]);
    works(&layout, "arch", &["/etc/ssl/private/key.pem"]);
}

/// Certificates lie where nothing else is shown.
#[test]
fn opensuse() {
    let Some(layout) = Layout::new() else { return };
    let layout = layout
        .folders(&["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64"])
        .links(&[
            ("/bin", "usr/bin"),
            ("/sbin", "usr/sbin"),
            ("/lib", "usr/lib"),
            ("/lib64", "usr/lib64"),
        ])
        .shell("/usr/bin/bash")
        .libraries("/usr/lib64", "/usr/lib64")
        .python("/usr", "lib64")
        .file("/usr/lib/os-release", "ID=opensuse-leap\n")
        .file("/etc/ssl/openssl.cnf", &openssl_cnf(SETTINGS))
        .file("/etc/ssl/private/key.pem", "secret")
        .file("/etc/nsswitch.conf", "hosts: files dns\n")
        .file("/run/netconfig/resolv.conf", "nameserver 192.0.2.1\n")
        .zone("/usr/share/zoneinfo")
        .certificate(
            "/var/lib/ca-certificates/pem/test.pem",
            Some("/var/lib/ca-certificates/pem"),
        )
        .openssl("/etc/ssl")
        .links(&[
            ("/usr/bin/sh", "/etc/alternatives/sh"),
            ("/etc/alternatives/sh", "/usr/bin/bash"),
            ("/usr/bin/python", "python3"),
            ("/etc/os-release", "../usr/lib/os-release"),
            ("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin"),
            ("/etc/resolv.conf", "/run/netconfig/resolv.conf"),
            ("/etc/ssl/certs", "/var/lib/ca-certificates/pem"),
        ]);
    works(
        &layout,
        "opensuse-leap",
        &["/etc/ssl/private/key.pem", "/var/lib/ca-certificates/secret"],
    );
}

/// No part of the system set: everything is in a store, where others' configurations are too. It works once that is granted.
#[test]
fn nixos_with_its_store_granted() {
    let Some(layout) = Layout::new() else { return };
    let python = "/nix/store/b-python/bin/python3";
    let layout = layout
        .folders(&["/usr/bin", "/nix/store/c-glibc/lib"])
        .links(&[("/lib64", "nix/store/c-glibc/lib")])
        .shell("/nix/store/a-bash/bin/sh")
        .python("/nix/store/b-python", "lib")
        // Programs there name the folders of their libraries; the loader's cache stands for that.
        .libraries("/nix/store/c-glibc/lib", "/nix/store/c-glibc/lib")
        .zone("/nix/store/d-tzdata/share/zoneinfo")
        .file("/nix/store/e-etc/etc/os-release", "ID=nixos\n")
        .file("/nix/store/e-etc/etc/nsswitch.conf", "hosts: files dns\n")
        .file("/etc/resolv.conf", "nameserver 192.0.2.1\n")
        .file("/etc/ssl/openssl.cnf", &openssl_cnf(SETTINGS))
        .certificate("/nix/store/f-cacert/ca-bundle.crt", None)
        .openssl("/etc/ssl")
        .env("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")
        .env("PYTHONTZPATH", "/nix/store/d-tzdata/share/zoneinfo")
        .links(&[
            ("/bin/sh", "/nix/store/a-bash/bin/sh"),
            ("/etc/static", "/nix/store/e-etc/etc"),
            (
                "/nix/store/e-etc/etc/ssl/certs/ca-certificates.crt",
                "/nix/store/f-cacert/ca-bundle.crt",
            ),
            ("/etc/os-release", "/etc/static/os-release"),
            ("/etc/nsswitch.conf", "/etc/static/nsswitch.conf"),
            ("/etc/localtime", "/nix/store/d-tzdata/share/zoneinfo/Europe/Berlin"),
            (
                "/etc/ssl/certs/ca-certificates.crt",
                "/etc/static/ssl/certs/ca-certificates.crt",
            ),
        ]);
    let store = ["--read", "/nix/store", "--read", "/etc/static"];
    for level in [&[][..], &["--degraded"]] {
        let (code, output) = layout.confine(level, &["sh", "-c", "echo shown"]);
        assert!(code != Some(0) && !output.contains("shown"), "{output}");
        let options = [&CONNECTED[..], &store, level].concat();
        assert_eq!(
            layout.confine(&options, &["sh", "-c", "echo shown"]),
            (Some(0), "shown".to_owned())
        );
        let (code, output) = layout.confine(&options, &[python, "-c", QUESTION, "/etc/shadow"]);
        assert_eq!(code, Some(0), "{output}");
        assert!(
            output.starts_with(&format!("nixos {python}\n42 ")) && output.ends_with("_SHA256\n[]"),
            "{output}"
        );
    }
}
