//! What makes a plan sound. The submitter and the manager both ask.

use std::collections::HashSet;

use super::error::WorkflowError;
use super::plan::{Arm, Mode, Plan, PlanContainer, Role};
use crate::policy::Enough;
use crate::requirements::WorkerRequirement;
use crate::task::Registry;

/// Everything about a plan that needs no registry.
pub(crate) fn structure(plan: &Plan) -> Result<(), WorkflowError> {
    size(
        "tasks and containers",
        plan.tasks.len() + plan.containers.len(),
        WorkflowError::MAX_NODES,
    )?;
    tree(plan)?;
    names(plan)?;
    let groups = grouped(plan);
    for ((index, container), group) in (0..).zip(&plan.containers).zip(&groups) {
        members(plan, index, container, group)?;
        policy(plan, index, container, group)?;
    }
    Ok(())
}

/// Everything about a plan that needs the registry.
pub(crate) fn kinds(plan: &Plan, registry: &Registry) -> Result<(), WorkflowError> {
    for task in &plan.tasks {
        let Some(known) = registry.get(&task.kind) else {
            return Err(WorkflowError::UnknownKind {
                task: task.name.clone(),
                kind: task.kind.clone(),
            });
        };
        if task.version > known.version {
            return Err(WorkflowError::NewerVersion {
                task: task.name.clone(),
                kind: task.kind.clone(),
                found: task.version,
                known: known.version,
            });
        }
        if task.role == Role::Generator
            && !known.requirements.contains(&WorkerRequirement::QueueAccess)
        {
            return Err(WorkflowError::GeneratorWithoutQueue(task.name.clone()));
        }
    }
    Ok(())
}

fn size(what: &'static str, found: usize, limit: usize) -> Result<(), WorkflowError> {
    if found > limit {
        Err(WorkflowError::TooLarge { what, found, limit })
    } else {
        Ok(())
    }
}

fn tree(plan: &Plan) -> Result<(), WorkflowError> {
    let malformed = |why: &str| Err(WorkflowError::Malformed(why.to_owned()));
    let mut depths = Vec::with_capacity(plan.containers.len());
    for (index, container) in (0u32..).zip(&plan.containers) {
        let depth = match container.parent {
            None if index == 0 => 1,
            None => return malformed("a container other than the first stands in no other"),
            Some(_) if index == 0 => return malformed("the first container must be the root"),
            Some(parent) if parent >= index => {
                return Err(WorkflowError::Cycle {
                    container: index,
                    parent,
                });
            }
            Some(parent) => depths[parent as usize] + 1,
        };
        size("levels of containers", depth, WorkflowError::MAX_DEPTH)?;
        depths.push(depth);
    }
    if plan.containers.is_empty() {
        return Err(WorkflowError::EmptyContainer(plan.name.clone()));
    }
    if plan
        .tasks
        .iter()
        .any(|task| task.container as usize >= plan.containers.len())
    {
        return malformed("a task stands in a container that does not exist");
    }
    Ok(())
}

fn names(plan: &Plan) -> Result<(), WorkflowError> {
    let mut seen = HashSet::new();
    let containers = plan
        .containers
        .iter()
        .filter_map(|container| container.name.as_deref());
    well_formed(&plan.name)?;
    for name in containers.chain(plan.tasks.iter().map(|task| task.name.as_str())) {
        well_formed(name)?;
        if !seen.insert(name) {
            return Err(WorkflowError::DuplicateName(name.to_owned()));
        }
    }
    Ok(())
}

fn well_formed(name: &str) -> Result<(), WorkflowError> {
    let length = 1..=WorkflowError::MAX_NAME_BYTES;
    if !length.contains(&name.len()) || name.chars().any(char::is_control) {
        return Err(WorkflowError::BadName(name.escape_debug().to_string()));
    }
    Ok(())
}

/// A child of a container, whatever it is.
struct Member<'a> {
    position: u32,
    task: Option<(Role, &'a str)>,
    arm: Option<Arm>,
}

/// The children of each container in order, in one go over all of them: a plan may have many containers.
/// Needs [`tree`] to have found that they exist.
fn grouped(plan: &Plan) -> Vec<Vec<Member<'_>>> {
    let mut groups: Vec<Vec<Member<'_>>> = plan.containers.iter().map(|_| Vec::new()).collect();
    let tasks = plan.tasks.iter().map(|task| {
        let member = Member {
            position: task.position,
            task: Some((task.role, task.name.as_str())),
            arm: None,
        };
        (task.container, member)
    });
    let containers = plan.containers.iter().filter_map(|child| {
        let member = Member {
            position: child.position,
            task: None,
            arm: child.arm,
        };
        Some((child.parent?, member))
    });
    for (container, member) in tasks.chain(containers) {
        groups[container as usize].push(member);
    }
    for group in &mut groups {
        group.sort_by_key(|member| member.position);
    }
    groups
}

fn members(
    plan: &Plan,
    index: u32,
    container: &PlanContainer,
    members: &[Member<'_>],
) -> Result<(), WorkflowError> {
    let malformed = |why: String| Err(WorkflowError::Malformed(why));
    let label = label(plan, index);
    if members.is_empty() {
        return Err(WorkflowError::EmptyContainer(label));
    }
    if members
        .windows(2)
        .any(|pair| pair[0].position == pair[1].position)
    {
        return malformed(format!("two children of `{label}` stand at the same place"));
    }
    let roles = |role| {
        members
            .iter()
            .filter(|m| m.task.is_some_and(|(r, _)| r == role))
            .count()
    };
    let generated = roles(Role::Generator) > 0;
    if generated && (members.len() > 1 || container.mode != Mode::Parallel) {
        return malformed(format!("the generator in `{label}` does not stand alone"));
    }
    let decided = roles(Role::Decider) > 0;
    for (place, member) in members.iter().enumerate() {
        match member.task {
            Some((Role::Aggregator, name)) if place == 0 || container.mode != Mode::Sequential => {
                return Err(WorkflowError::NothingToAggregate(name.to_owned()));
            }
            Some((Role::Decider, name))
                if place != 0 || container.mode != Mode::Sequential || members.len() == 1 =>
            {
                return Err(WorkflowError::NothingToChoose(name.to_owned()));
            }
            _ => {}
        }
        if decided && place > 0 && member.arm.is_none() || !decided && member.arm.is_some() {
            return malformed(format!("the branches of `{label}` do not fit a condition"));
        }
    }
    Ok(())
}

fn policy(
    plan: &Plan,
    index: u32,
    container: &PlanContainer,
    members: &[Member<'_>],
) -> Result<(), WorkflowError> {
    let refuse = |why: String| {
        Err(WorkflowError::Policy {
            container: label(plan, index),
            why,
        })
    };
    if container.max_in_flight == 0 {
        return refuse("with max_in_flight = 0 no child ever runs; at least 1".to_owned());
    }
    match container.policy.enough {
        Enough::PerMille(share) if share > 1000 => {
            return refuse(format!(
                "{share} thousandths are more than all; at most 1000"
            ));
        }
        Enough::AtLeast(0) => return refuse("at least 0 is no condition; at least 1".to_owned()),
        Enough::AtLeast(n) => {
            let is_generator = |m: &Member<'_>| m.task.is_some_and(|(r, _)| r == Role::Generator);
            let children = members.len();
            if n > children as u64 && !members.iter().any(is_generator) {
                return refuse(format!("at least {n} of {children} children"));
            }
        }
        Enough::All | Enough::Any | Enough::PerMille(_) => {}
    }
    Ok(())
}

/// What to call a container in an error.
fn label(plan: &Plan, index: u32) -> String {
    let name = plan
        .containers
        .get(index as usize)
        .and_then(|container| container.name.clone());
    name.unwrap_or_else(|| match index {
        0 => plan.name.clone(),
        _ => format!("container {index}"),
    })
}
