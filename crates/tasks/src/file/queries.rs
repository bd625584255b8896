//! The texts of a file's queries, before its inputs are looked at.

use super::{Piece, Task, TaskFile, Work, pieces, read::failure};
use crate::{Problem, TasksError};

/// What is wrong with the text of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongQuery {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The line of the text, counted from 1, if it is known.
    pub line: Option<usize>,
}

impl TaskFile {
    /// Checks every query by `check`, which is given its text, with some path for each placeholder, and returns what is wrong
    /// with it.
    ///
    /// # Errors
    /// [`TasksError::File`] with all that was returned.
    pub fn check_queries<C>(&self, check: C) -> Result<(), TasksError>
    where
        C: Fn(&str) -> Option<WrongQuery>,
    {
        let problem = |task: &Task| {
            let Work::Sql(sql) = &task.work else { return None };
            let WrongQuery { message, help, line } = check(&with_some_path(sql))?;
            let message = format!("the query of task `{}`: {message}", task.name);
            let below = line.filter(|_| task.has_lines).map_or(0, |line| line.saturating_sub(1));
            Some(Problem { line: task.work_line + below, message, help })
        };
        let problems: Vec<_> = self.tasks.iter().filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(failure(&self.path, problems)) }
    }
}

fn with_some_path(sql: &str) -> String {
    let text = |piece: Piece<'_>| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Input | Piece::OutputOf(_) => "'a path'".to_owned(),
        Piece::Output => String::new(),
    };
    pieces(sql).into_iter().map(text).collect()
}
