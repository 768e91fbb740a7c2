//! What can be chosen of an embedded engine, and how its parts are wired.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stores::MemoryStore;
#[cfg(not(feature = "sqlite"))]
use stores::MemoryStore as Durable;
#[cfg(feature = "sqlite")]
use stores::SqliteStore as Durable;
use task_core::manager::{FenceKey, Manager, ManagerConfig, ManagerLoop, StopHandle};
use task_core::ports::objects::Objects;
use task_core::ports::recon::ReconStore;
use task_core::ports::runtime::{Runtime, TokioRuntime};
use task_core::ports::store::Store;
use task_core::ports::transport::Transport;
use task_core::worker::{StockWorker, Worker, WorkerLoop};
use task_core::{Registry, Resources, WorkerKind};
use tokio::task::JoinSet;
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

use super::{Engine, EngineError, Parts};

/// A choice of parts. The default is a SQLite store in a temporary folder.
#[derive(Debug)]
#[must_use = "an engine does nothing until it is started"]
pub struct Embedded {
    registry: Registry,
    resources: Resources,
    place: Place,
    concurrency: [usize; 3],
    workers: Vec<(WorkerKind, Arc<dyn Worker>)>,
    grace: Duration,
    batch: usize,
    transactions: usize,
    store: Option<Arc<dyn Store>>,
    recon: Option<Arc<dyn ReconStore>>,
}

#[derive(Debug)]
enum Place {
    Memory,
    Temporary,
    #[cfg_attr(
        not(feature = "sqlite"),
        allow(dead_code, reason = "only `at` makes it")
    )]
    Folder(PathBuf),
}

/// What must outlive the engine's parts.
#[derive(Debug)]
pub(crate) enum Keep {
    Nothing,
    Temporary { _folder: tempfile::TempDir },
    Locked { _lock: File },
}

/// Waiting messages to the manager, by which a generator may run ahead. A message of children has
/// 16 KiB, so this is at most 32 MiB.
const MANAGER_BACKLOG: usize = 2048;

impl Embedded {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            registry,
            resources: Resources::new(),
            place: if cfg!(feature = "sqlite") {
                Place::Temporary
            } else {
                Place::Memory
            },
            concurrency: [16, 16, 4],
            workers: Vec::new(),
            grace: Duration::from_secs(10),
            batch: 1000,
            transactions: 1,
            store: None,
            recon: None,
        }
    }

    /// Keeps the state in `folder`, made if need be. An engine started there again goes on where
    /// this one stopped, however it stopped.
    #[cfg(feature = "sqlite")]
    pub fn at(mut self, folder: impl Into<PathBuf>) -> Self {
        self.place = Place::Folder(folder.into());
        self
    }

    /// Keeps the state in memory: faster, and gone with the process.
    pub fn in_memory(mut self) -> Self {
        self.place = Place::Memory;
        self
    }

    /// Keeps the state in a store of your own. Tasks that want recon data need
    /// [`with_recon`](Self::with_recon), too: who may write it depends on the state.
    pub fn with_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Keeps recon data in a store of your own, which must be the other face of the one given to
    /// [`with_store`](Self::with_store).
    pub fn with_recon(mut self, recon: Arc<dyn ReconStore>) -> Self {
        self.recon = Some(recon);
        self
    }

    /// How many tasks of one kind of worker run at once. Default: 16, and 4 for bare metal.
    pub fn concurrency(mut self, kind: WorkerKind, tasks: usize) -> Self {
        self.concurrency[kind as usize] = tasks;
        self
    }

    /// Sets something up once for all tasks: see [`Resources`].
    pub fn resource<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.resources = self.resources.with(value);
        self
    }

    /// Runs the tasks of one kind of worker by a worker of your own instead of the stock one.
    pub fn worker(mut self, kind: WorkerKind, worker: Arc<dyn Worker>) -> Self {
        self.workers.retain(|(other, _)| *other != kind);
        self.workers.push((kind, worker));
        self
    }

    /// How long tasks may go on after they were told to stop. Default: 10 s.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Messages that the manager takes into one transaction, at most. Default: 1000.
    pub const fn batch(mut self, messages: usize) -> Self {
        self.batch = messages;
        self
    }

    /// Transactions of the manager at once, each of other workflows: for a
    /// [store of your own](Self::with_store) that can write for several at once, as PostgreSQL does,
    /// with a connection for each and some for Internal workers. Default: 1.
    pub const fn transactions(mut self, at_once: usize) -> Self {
        self.transactions = at_once;
        self
    }

    /// Starts manager and workers. Runs that an earlier engine left unfinished in the same folder
    /// go on by themselves; what was in flight is dispatched again.
    ///
    /// # Errors
    ///
    /// [`EngineError::Folder`] or [`EngineError::InUse`] if the folder cannot be used,
    /// [`EngineError::Store`] if what it holds cannot be read.
    pub async fn start(self) -> Result<Engine, EngineError> {
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new());
        let registry = Arc::new(self.registry);
        let resources = Arc::new(self.resources);
        // A store of one's own needs no other beside it.
        let place = if self.store.is_some() && matches!(self.place, Place::Temporary) {
            Place::Memory
        } else {
            self.place
        };
        let Opened {
            store,
            recon,
            objects,
            folder,
            keep,
        } = match place {
            Place::Memory => Opened::memory(),
            Place::Temporary => Opened::temporary().await?,
            Place::Folder(folder) => Opened::folder(folder).await?,
        };
        let (store, recon) = match self.store {
            Some(store) => (store, self.recon),
            None => (store, self.recon.or(Some(recon))),
        };
        let config = MemoryConfig::default()
            .manager_capacity(MANAGER_BACKLOG)
            // A store that is away for a while must not turn messages into dead letters.
            .max_receives(1000);
        let transport: Arc<dyn Transport> =
            Arc::new(MemoryTransport::new(Arc::clone(&runtime), config));
        let mut key = [0u8; 16];
        getrandom::fill(&mut key).map_err(EngineError::Randomness)?;
        let manager = Manager::new(
            Arc::clone(&store),
            Arc::clone(&transport),
            Arc::clone(&runtime),
            Arc::clone(&registry),
            ManagerConfig::new(FenceKey::new(key)),
        );
        let manager = Arc::new(manager.with_objects(Arc::clone(&objects)));
        // The carrier starts empty, so everything that was in flight is lost.
        let lost = manager.recover().await?;
        if lost > 0 {
            tracing::info!(lost, "tasks that were in flight are dispatched again");
        }
        let (stop_manager, stopped) = StopHandle::new();
        let mut managing = JoinSet::new();
        let managed = ManagerLoop::new(Arc::clone(&manager))
            .batch(self.batch)
            .transactions(self.transactions);
        managing.spawn(managed.run(stopped));
        let (stop_workers, stopped) = StopHandle::new();
        let mut workers = JoinSet::new();
        for kind in WorkerKind::ALL {
            let plugged = self.workers.iter().find(|(of, _)| *of == kind);
            let worker = plugged
                .map(|(_, worker)| Arc::clone(worker))
                .unwrap_or_else(|| {
                    let stock = StockWorker::new(
                        registry.routed_to(kind),
                        Arc::clone(&transport),
                        Arc::clone(&runtime),
                    )
                    .with_objects(Arc::clone(&objects))
                    .with_resources(Arc::clone(&resources));
                    // An External worker has no database here either, so that a task cannot come to
                    // rely on what it will not have elsewhere.
                    Arc::new(match kind {
                        WorkerKind::External => stock,
                        WorkerKind::Internal | WorkerKind::BareMetal => {
                            let stock = stock.with_data(Arc::clone(&store) as _);
                            match &recon {
                                Some(recon) => stock.with_recon(Arc::clone(recon)),
                                None => stock,
                            }
                        }
                    })
                });
            let worker =
                WorkerLoop::new(kind, worker, Arc::clone(&transport), Arc::clone(&runtime))
                    .concurrency(self.concurrency[kind as usize])
                    .cancellations(Arc::clone(&objects), Duration::from_millis(500))
                    .grace(self.grace);
            workers.spawn(worker.run(stopped.clone()));
        }
        let parts = Parts {
            manager: Some(manager),
            store,
            recon,
            transport,
            objects,
            registry,
            runtime,
            folder,
            _keep: keep,
        };
        Ok(Engine {
            parts: Arc::new(parts),
            stop_workers,
            workers,
            stop_manager,
            manager: managing,
        })
    }
}

/// An opened place.
struct Opened {
    store: Arc<dyn Store>,
    recon: Arc<dyn ReconStore>,
    objects: Arc<dyn Objects>,
    folder: Option<PathBuf>,
    keep: Keep,
}

impl Opened {
    fn memory() -> Self {
        let store = Arc::new(MemoryStore::new());
        Self {
            store: Arc::clone(&store) as _,
            recon: store,
            objects: Arc::new(ObjectStoreObjects::memory()),
            folder: None,
            keep: Keep::Nothing,
        }
    }

    async fn temporary() -> Result<Self, EngineError> {
        let folder = tempfile::Builder::new()
            .prefix("sortie-")
            .tempdir()
            .map_err(|source| EngineError::Folder {
                folder: std::env::temp_dir(),
                source,
            })?;
        let (store, objects) = open(folder.path()).await?;
        let path = folder.path().to_owned();
        Ok(Self {
            store: Arc::clone(&store) as _,
            recon: store,
            objects,
            folder: Some(path),
            keep: Keep::Temporary { _folder: folder },
        })
    }

    async fn folder(folder: PathBuf) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Folder {
            folder: folder.clone(),
            source,
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::create(folder.join("engine.lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(EngineError::InUse(folder)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let (store, objects) = open(&folder).await?;
        Ok(Self {
            store: Arc::clone(&store) as _,
            recon: store,
            objects,
            folder: Some(folder),
            keep: Keep::Locked { _lock: lock },
        })
    }
}

/// The store and the objects in a folder.
async fn open(folder: &Path) -> Result<(Arc<Durable>, Arc<dyn Objects>), EngineError> {
    let failed = |source| EngineError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let objects = folder.join("objects");
    std::fs::create_dir_all(&objects).map_err(failed)?;
    let objects = ObjectStoreObjects::local(objects).map_err(failed)?;
    #[cfg(feature = "sqlite")]
    let store = Durable::open(folder.join("state.sqlite")).await?;
    #[cfg(not(feature = "sqlite"))]
    let store = Durable::new();
    Ok((Arc::new(store), Arc::new(objects)))
}
