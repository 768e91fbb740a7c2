//! What a worker sets up once and lends to every task.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One value per type, made at first use and shared by all tasks of a worker: a TLS
/// configuration, a resolver, a parsed scope. On Lambda this is the work of the cold start.
///
/// ```
/// use sortie_task_core::Resources;
///
/// struct Client(u32);
/// let resources = Resources::new().with(Client(7));
/// assert_eq!(resources.get::<Client>().unwrap().0, 7);
/// assert_eq!(*resources.get_or_init(|| String::from("made once")), "made once");
/// ```
#[derive(Default)]
pub struct Resources(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Resources {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `value`, in place of what was there of its type.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.lock().insert(TypeId::of::<T>(), Arc::new(value));
        self
    }

    /// The value of this type, if there is one.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.lock()
            .get(&TypeId::of::<T>())
            .and_then(|value| Arc::clone(value).downcast().ok())
    }

    /// The value of this type, made by `init` if there is none. Two tasks that come first at the
    /// same time may both call `init`; one result stays.
    pub fn get_or_init<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Arc::new(init());
        let mut values = self.lock();
        let kept = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::clone(&made) as _);
        Arc::clone(kept).downcast().unwrap_or(made)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<TypeId, Arc<dyn Any + Send + Sync>>> {
        // The map is whole between any two statements, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resources({})", self.lock().len())
    }
}
