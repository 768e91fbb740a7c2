//! Every carrier and every object store keeps the promises of its port.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;
use std::time::Duration;

use sortie_transports::memory::{MemoryConfig, MemoryTransport};
use task_core::conformance::{ManualRuntime, transport};
use task_core::ports::transport::Transport;

async fn memory(config: MemoryConfig) {
    transport::run_all(|| async {
        let runtime = ManualRuntime::new(1);
        let carrier = MemoryTransport::new(Arc::new(runtime.clone()), config);
        (Arc::new(carrier) as Arc<dyn Transport>, runtime)
    })
    .await;
}

#[tokio::test]
async fn queues_in_memory() {
    memory(MemoryConfig::default()).await;
}

#[tokio::test]
async fn queues_in_memory_with_other_limits() {
    let config = MemoryConfig::default()
        .message_bytes(2000)
        .receive_batch(1)
        .max_delay(Duration::from_secs(5))
        .max_receives(2)
        .manager_capacity(3);
    memory(config).await;
}

#[cfg(feature = "objects")]
mod objects {
    use std::sync::Arc;

    use sortie_transports::objects::ObjectStoreObjects;
    use task_core::conformance::objects;
    use task_core::ports::objects::Objects;

    #[tokio::test]
    async fn objects_in_memory() {
        let make = async || Arc::new(ObjectStoreObjects::memory()) as Arc<dyn Objects>;
        objects::run_all(make).await;
    }

    #[tokio::test]
    async fn objects_in_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let count = std::sync::atomic::AtomicUsize::new(0);
        objects::run_all(|| async {
            let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let objects = ObjectStoreObjects::local(folder.path().join(n.to_string())).unwrap();
            Arc::new(objects) as Arc<dyn Objects>
        })
        .await;
    }
}
