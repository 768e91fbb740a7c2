//! Every promise of the ports, through a proxy that gives each transaction any of its connections.
//! Needs PgBouncer, and says so where there is none.

#![cfg(all(feature = "postgres", unix))]
// Clippy knows tests by their attribute, and so not their helpers.
#![allow(clippy::unwrap_used)]

mod server;

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use server::Database;
use sortie_stores::{PostgresOptions, PostgresStore};
use task_core::conformance::recon::Subject;
use task_core::conformance::{recon, store};
use task_core::ports::store::Store;

/// Ends when this is dropped, or the program dies.
struct Proxy {
    shell: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Proxy {
    fn start(server: &str) -> Option<Self> {
        let found = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
        let Some(program) = found.into_iter().find(|path| Path::new(path).exists()) else {
            eprintln!("skipped: what needs a proxy; there is no PgBouncer");
            return None;
        };
        let (host, port) = server.rsplit_once('@').unwrap().1.split_once(':').unwrap();
        let to = port.split_once('/').unwrap().0;
        // Free a moment ago.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let set = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        set(folder.path());
        let users = folder.path().join("users");
        std::fs::write(&users, "\"sortie\" \"\"\n").unwrap();
        let config = folder.path().join("config");
        let text = format!(
            "[databases]\n* = host={host} port={to}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
             pool_mode = transaction\ndefault_pool_size = 20\n",
            users.display()
        );
        std::fs::write(&config, text).unwrap();
        // It refuses to run as root.
        let script = "as=; [ \"$(id -u)\" = 0 ] && as='-u postgres'; \
                      \"$0\" -q $as \"$1\" 2>/dev/null & read -r _; kill $!";
        let shell = Command::new("sh")
            .args(["-c", script, program])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "PgBouncer does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            shell,
            port,
            _folder: folder,
        })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_promise_is_kept_through_a_proxy() {
    let Some(database) = Database::new().await else {
        return;
    };
    let Some(proxy) = Proxy::start(&database.address("")) else {
        return;
    };
    PostgresStore::migrate(&database.options).await.unwrap();
    let address = format!(
        "postgres://sortie@127.0.0.1:{}/{}",
        proxy.port,
        database.name()
    );
    let options = PostgresOptions::parse(&address)
        .unwrap()
        .plain_on_loopback();
    let all = PostgresStore::connect(&options.behind_a_proxy())
        .await
        .unwrap();
    let open = async || {
        database.empty().await;
        all.clone()
    };
    store::run_all(async || Arc::new(open().await) as Arc<dyn Store>).await;
    recon::run_all(async || Subject::new(open().await)).await;
    all.close().await;
}
