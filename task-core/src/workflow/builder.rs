//! The builder. Mistakes are collected on the way and returned by `build`.

use std::time::Duration;

use super::error::WorkflowError;
use super::plan::{Arm, Mode, Plan, PlanContainer, PlanTask, Role};
use super::{DEFAULT_MAX_IN_FLIGHT, validate};
use crate::payload::Payload;
use crate::policy::{CompletionPolicy, Enough};
use crate::requirements::DeclaresQueue;
use crate::task::{Child, TaskDefinition};

/// A workflow: a sequence of steps, with a name.
#[derive(Debug)]
#[must_use = "a workflow does nothing until it is submitted"]
pub struct Workflow {
    root: Sequence,
    name: String,
    scope: Option<Vec<u8>>,
    deadline: Option<Duration>,
}

/// Steps that run one after the other. A step that is not good ends the sequence, but for an
/// aggregator right behind it, which still reads what there is.
#[derive(Debug)]
#[must_use = "a sequence is part of the workflow only when it is returned"]
pub struct Sequence(Nodes);

/// Steps that run at the same time.
#[derive(Debug)]
#[must_use = "a parallel container is part of the workflow only when it is returned"]
pub struct Parallel {
    nodes: Nodes,
    settings: Settings,
}

/// The settings of a container whose children are generated.
#[derive(Debug)]
#[must_use = "the settings count only when they are returned"]
pub struct Generated(Settings);

#[derive(Debug)]
struct Settings {
    policy: CompletionPolicy,
    max_in_flight: u32,
}

#[derive(Debug, Default)]
struct Nodes {
    nodes: Vec<Node>,
    errors: Vec<WorkflowError>,
}

#[derive(Debug)]
enum Node {
    Task(TaskNode),
    Container {
        name: Option<String>,
        mode: Mode,
        arm: Option<Arm>,
        settings: Settings,
        nodes: Vec<Self>,
    },
}

#[derive(Debug)]
struct TaskNode {
    name: String,
    role: Role,
    kind: &'static str,
    version: u32,
    targets: u64,
    options: crate::policy::TaskOptions,
    payload: Payload,
}

impl Workflow {
    /// An empty workflow.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            root: Sequence(Nodes::default()),
            name: name.into(),
            scope: None,
            deadline: None,
        }
    }

    /// Adds a task.
    pub fn task<T: TaskDefinition>(
        mut self,
        name: impl Into<String>,
        task: impl Into<Child<T>>,
    ) -> Self {
        self.root = self.root.task(name, task);
        self
    }

    /// Adds a container whose children `generator` creates; see [`Sequence::generate`].
    pub fn generate<T>(
        mut self,
        name: impl Into<String>,
        generator: impl Into<Child<T>>,
        settings: impl FnOnce(Generated) -> Generated,
    ) -> Self
    where
        T: TaskDefinition,
        T::Requires: DeclaresQueue,
    {
        self.root = self.root.generate(name, generator, settings);
        self
    }

    /// Adds a task that runs when the step before it is terminal, good or not.
    pub fn aggregate<T: TaskDefinition>(
        mut self,
        name: impl Into<String>,
        task: impl Into<Child<T>>,
    ) -> Self {
        self.root = self.root.aggregate(name, task);
        self
    }

    /// Adds a condition with two branches; see [`Sequence::when`].
    pub fn when<T: TaskDefinition<Output = Arm>>(
        mut self,
        name: impl Into<String>,
        condition: impl Into<Child<T>>,
        then: impl FnOnce(Sequence) -> Sequence,
        otherwise: impl FnOnce(Sequence) -> Sequence,
    ) -> Self {
        self.root = self.root.when(name, condition, then, otherwise);
        self
    }

    /// Adds steps that run at the same time.
    pub fn parallel(
        mut self,
        name: impl Into<String>,
        steps: impl FnOnce(Parallel) -> Parallel,
    ) -> Self {
        self.root = self.root.parallel(name, steps);
        self
    }

    /// The scope document that all tasks work under: any bytes that they agree on. It is kept in
    /// the object store, once; envelopes carry its hash.
    pub fn scope(mut self, document: impl Into<Vec<u8>>) -> Self {
        self.scope = Some(document.into());
        self
    }

    /// When the whole run must be over, counted from its acceptance. What is not done then ends
    /// in `Timeout`.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// The scope document, taken out.
    pub fn take_scope(&mut self) -> Option<Vec<u8>> {
        self.scope.take()
    }

    /// Its wire form, checked.
    ///
    /// # Errors
    ///
    /// The first [`WorkflowError`] in the order of the steps.
    pub fn build(self) -> Result<Plan, WorkflowError> {
        let Nodes { nodes, errors } = self.root.0;
        if let Some(error) = errors.into_iter().next() {
            return Err(error);
        }
        let mut plan = Plan {
            name: self.name,
            containers: Vec::new(),
            tasks: Vec::new(),
            deadline_ms: self
                .deadline
                .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
        };
        let root = Node::Container {
            name: None,
            mode: Mode::Sequential,
            arm: None,
            settings: Settings::default(),
            nodes,
        };
        flatten(root, None, 0, &mut plan);
        validate::structure(&plan)?;
        Ok(plan)
    }
}

impl Sequence {
    /// Adds a task.
    pub fn task<T: TaskDefinition>(
        mut self,
        name: impl Into<String>,
        task: impl Into<Child<T>>,
    ) -> Self {
        self.0.task(name.into(), Role::Plain, task.into());
        self
    }

    /// Adds a parallel container whose children `generator` creates while it runs. The container
    /// has the given name; its rows are those of all its children, in their order. The generator
    /// itself is called `name.generator`.
    pub fn generate<T>(
        mut self,
        name: impl Into<String>,
        generator: impl Into<Child<T>>,
        settings: impl FnOnce(Generated) -> Generated,
    ) -> Self
    where
        T: TaskDefinition,
        T::Requires: DeclaresQueue,
    {
        self.0.generate(name.into(), generator.into(), settings);
        self
    }

    /// Adds a task that runs when the step before it is terminal, good or not.
    pub fn aggregate<T: TaskDefinition>(
        mut self,
        name: impl Into<String>,
        task: impl Into<Child<T>>,
    ) -> Self {
        self.0.task(name.into(), Role::Aggregator, task.into());
        self
    }

    /// Adds a condition: a task whose output chooses between two branches. The other one becomes
    /// `Disabled`. A branch may be empty, but not both.
    pub fn when<T: TaskDefinition<Output = Arm>>(
        mut self,
        name: impl Into<String>,
        condition: impl Into<Child<T>>,
        then: impl FnOnce(Self) -> Self,
        otherwise: impl FnOnce(Self) -> Self,
    ) -> Self {
        let name = name.into();
        let mut choice = Nodes::default();
        choice.task(name.clone(), Role::Decider, condition.into());
        for (arm, branch) in [
            (Arm::Then, then(Self(Nodes::default()))),
            (Arm::Else, otherwise(Self(Nodes::default()))),
        ] {
            choice.errors.extend(branch.0.errors);
            if !branch.0.nodes.is_empty() {
                choice.nodes.push(Node::Container {
                    name: None,
                    mode: Mode::Sequential,
                    arm: Some(arm),
                    settings: Settings::default(),
                    nodes: branch.0.nodes,
                });
            }
        }
        if choice.nodes.len() == 1 {
            choice.errors.push(WorkflowError::NothingToChoose(name));
        }
        self.0
            .container(None, Mode::Sequential, Settings::default(), choice);
        self
    }

    /// Adds steps that run at the same time.
    pub fn parallel(
        mut self,
        name: impl Into<String>,
        steps: impl FnOnce(Parallel) -> Parallel,
    ) -> Self {
        let Parallel { nodes, settings } = steps(Parallel {
            nodes: Nodes::default(),
            settings: Settings::default(),
        });
        self.0
            .container(Some(name.into()), Mode::Parallel, settings, nodes);
        self
    }
}

impl Parallel {
    /// Adds a task.
    pub fn task<T: TaskDefinition>(
        mut self,
        name: impl Into<String>,
        task: impl Into<Child<T>>,
    ) -> Self {
        self.nodes.task(name.into(), Role::Plain, task.into());
        self
    }

    /// Adds a container whose children `generator` creates; see [`Sequence::generate`].
    pub fn generate<T>(
        mut self,
        name: impl Into<String>,
        generator: impl Into<Child<T>>,
        settings: impl FnOnce(Generated) -> Generated,
    ) -> Self
    where
        T: TaskDefinition,
        T::Requires: DeclaresQueue,
    {
        self.nodes.generate(name.into(), generator.into(), settings);
        self
    }

    /// Adds steps that run one after the other, beside the others here.
    pub fn sequence(
        mut self,
        name: impl Into<String>,
        steps: impl FnOnce(Sequence) -> Sequence,
    ) -> Self {
        let Sequence(nodes) = steps(Sequence(Nodes::default()));
        self.nodes.container(
            Some(name.into()),
            Mode::Sequential,
            Settings::default(),
            nodes,
        );
        self
    }

    /// How many children must succeed; all, unless told otherwise.
    pub fn enough(mut self, enough: Enough) -> Self {
        self.settings.policy.enough = enough;
        self
    }

    /// When stragglers are cut off, counted from the container's activation.
    pub fn cut_off(mut self, after: Duration) -> Self {
        self.settings.policy.cut_off = Some(after);
        self
    }

    /// How many children may be dispatched at once. At least 1.
    pub fn max_in_flight(mut self, children: u32) -> Self {
        self.settings.max_in_flight = children;
        self
    }
}

impl Generated {
    /// How many children must succeed; all, unless told otherwise.
    pub fn enough(mut self, enough: Enough) -> Self {
        self.0.policy.enough = enough;
        self
    }

    /// When stragglers are cut off, counted from the container's activation.
    pub fn cut_off(mut self, after: Duration) -> Self {
        self.0.policy.cut_off = Some(after);
        self
    }

    /// How many children may be dispatched at once. The others wait in the store, not in the
    /// queue. At least 1.
    pub fn max_in_flight(mut self, children: u32) -> Self {
        self.0.max_in_flight = children;
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: CompletionPolicy::ALL,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
        }
    }
}

impl Nodes {
    fn task<T: TaskDefinition>(&mut self, name: String, role: Role, child: Child<T>) {
        let (task, options) = child.into_parts();
        match Payload::encode(&task) {
            Ok(payload) => self.nodes.push(Node::Task(TaskNode {
                name,
                role,
                kind: T::KIND,
                version: T::VERSION,
                targets: task.targets(),
                options,
                payload,
            })),
            Err(source) => self
                .errors
                .push(WorkflowError::Payload { task: name, source }),
        }
    }

    fn generate<T: TaskDefinition>(
        &mut self,
        name: String,
        generator: Child<T>,
        settings: impl FnOnce(Generated) -> Generated,
    ) {
        let mut inner = Self::default();
        inner.task(format!("{name}.generator"), Role::Generator, generator);
        let Generated(settings) = settings(Generated(Settings::default()));
        self.container(Some(name), Mode::Parallel, settings, inner);
    }

    fn container(&mut self, name: Option<String>, mode: Mode, settings: Settings, inner: Self) {
        self.errors.extend(inner.errors);
        self.nodes.push(Node::Container {
            name,
            mode,
            arm: None,
            settings,
            nodes: inner.nodes,
        });
    }
}

fn flatten(node: Node, parent: Option<u32>, position: u32, plan: &mut Plan) {
    match node {
        Node::Task(task) => plan.tasks.push(PlanTask {
            container: parent.unwrap_or(0),
            position,
            role: task.role,
            name: task.name,
            kind: task.kind.to_owned(),
            version: task.version,
            targets: task.targets,
            options: task.options,
            payload: task.payload,
        }),
        Node::Container {
            name,
            mode,
            arm,
            settings,
            nodes,
        } => {
            let index = u32::try_from(plan.containers.len()).unwrap_or(u32::MAX);
            plan.containers.push(PlanContainer {
                parent,
                position,
                name,
                mode,
                arm,
                policy: settings.policy,
                max_in_flight: settings.max_in_flight,
            });
            for (position, node) in (0..).zip(nodes) {
                flatten(node, Some(index), position, plan);
            }
        }
    }
}
