//! DataFusion under a memory limit.
//!
//! DataFusion's memory pool is voluntary: it sees what operators declare, mostly after the bytes exist, and never what
//! readers, expressions and batches in flight hold. So the limit is held in three places:
//!
//! - [`GovernedPool`] answers every reservation from what is declared *and* from what the ledger and the kernel count, and
//!   so makes operators spill in time ([`growth`] is its pure policy);
//! - [`Probe`] wraps every plan node and is a gate at each `poll_next`: sources pause under pressure, and a task that must
//!   end ends there with the full error;
//! - [`Profile`] derives batch sizes, fan-ins and buffers from the budget, so that what nobody declares stays small.
//!
//! Operators that neither reserve nor spill, or spill more than they must, are replaced: [`SpillingWindowExec`] for windows,
//! [`SpillingGroupByExec`] for group-bys, [`SpillingSortExec`] for the sort of the answer, [`RewriteOptions`] for distinct aggregates and joins. [`aggregates`] replaces the functions whose answer would depend on the order of rows, and so on the
//! limit.
//!
//! Spilled state goes to files without a name ([`SpillFiles`]), which the kernel removes with the process, and whose every
//! block is checked when it is read back.

pub mod aggregates;
mod distinct_on;
mod forecast;
mod group_by;
pub mod growth;
mod memory_error;
mod node;
mod operators;
mod pool;
mod probe;
mod profile;
mod refusals;
mod rewrite;
mod sort;
mod spill;
mod states;
#[cfg(test)]
mod testing;
mod trace;
mod utc_trunc;
mod window;

pub use forecast::Bounds;
pub use group_by::{SpillingGroupByExec, SpillingGroupBys, spilling_group_bys};
pub use memory_error::{Holder, MemoryLimitError};
pub use operators::{OperatorReport, Operators};
pub use pool::GovernedPool;
pub use probe::Probe;
pub use profile::Profile;
pub use refusals::{RefusalReport, Refusals};
pub use rewrite::{Joins, RewriteOptions};
pub use sort::{FirstRows, SpillingSortExec, SpillingSorts, spilling_sorts};
pub use spill::{CacheRoom, Damage, SpillFailure, SpillFiles, SpillName, SpillOptions, SpillReport, is_in_memory};
pub use states::widest_state;
pub use trace::OnAccount;
pub use utc_trunc::utc_trunc;
pub use window::{SpillingWindowExec, SpillingWindows, spilling_windows};
