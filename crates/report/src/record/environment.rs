//! Where a run ran.

use super::size;
use serde::{Deserialize, Serialize};
use tidegate_memory::ByteCount;

/// Where a run ran. What could not be found out is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// The name of the host.
    pub host: Option<String>,
    /// The kernel and its version.
    pub kernel: Option<String>,
    /// The cores that the process may use.
    pub cores: Option<u64>,
    /// The memory of the machine.
    #[serde(with = "size")]
    pub memory: Option<ByteCount>,
    /// The version of cgroups, 1 or 2, that the process is in.
    pub cgroup_version: Option<u64>,
    /// The memory that the cgroup allows; `None` for no limit.
    #[serde(with = "size")]
    pub cgroup_limit: Option<ByteCount>,
    /// The swap of the machine.
    #[serde(with = "size")]
    pub swap: Option<ByteCount>,
    /// The folder for spilled state.
    pub temp_folder: Option<String>,
    /// What is free there.
    #[serde(with = "size")]
    pub temp_free: Option<ByteCount>,
    /// The version of Tidegate.
    pub tidegate_version: Option<String>,
}
