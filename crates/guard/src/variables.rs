//! What the helper in the program wrote about variables.

use tidegate_memory::ByteCount;

/// Which variables held how much, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "they are what it consists of")]
pub(crate) struct Variables {
    /// Why the helper looked: `wanted`, `refused` or `uncaught`.
    pub(crate) reason: String,
    /// Whether there was no time for all of them.
    pub(crate) is_cut: bool,
    /// The exception, if there was one.
    pub(crate) error: Option<Thrown>,
    /// The variables, the largest first.
    pub(crate) variables: Vec<Variable>,
}

/// A `MemoryError`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thrown {
    pub(crate) message: String,
    pub(crate) shape: String,
    pub(crate) dtype: String,
    pub(crate) bytes: Option<ByteCount>,
    pub(crate) file: String,
    pub(crate) function: String,
    pub(crate) line: u32,
}

/// A variable that holds memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The file of its frame or module; empty for what functions of packages hold.
    pub(crate) file: String,
    pub(crate) function: String,
    /// The first line of its function.
    pub(crate) first_line: u32,
    /// The line that its frame is at; 0 for a module whose code has run.
    pub(crate) line: u32,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) bytes: ByteCount,
    pub(crate) shape: String,
    pub(crate) dtype: String,
    /// The address of its largest buffer; 0 if it has none.
    pub(crate) address: u64,
    /// The site that allocated it; 0 where that is not known.
    pub(crate) site: usize,
    /// Its line, as `file:line`.
    pub(crate) allocated: String,
    /// Variables that hold buffers of it too.
    pub(crate) shared_with: String,
    /// Columns of a data frame, the largest first.
    pub(crate) columns: Vec<Column>,
}

/// A column of a data frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) dtype: String,
    pub(crate) bytes: ByteCount,
    /// The share of values that are distinct, from 0 to 1, for text.
    pub(crate) distinct: Option<f64>,
}

impl Eq for Column {}

impl Variables {
    /// Reads what the helper wrote. Whatever is not understood is left out.
    pub(crate) fn read(text: &str) -> Self {
        let mut all = Self::default();
        for line in text.lines() {
            let fields: Vec<String> = line.split('\t').map(unescaped).collect();
            let field = |at: usize| fields.get(at).cloned().unwrap_or_default();
            match field(0).as_str() {
                "S" => {
                    all.reason = field(1);
                    all.is_cut = field(2) == "1";
                }
                "E" => {
                    all.error = Some(Thrown {
                        message: field(2),
                        shape: field(3),
                        dtype: field(4),
                        bytes: field(5).parse().ok().map(ByteCount::new),
                        file: field(6),
                        function: field(7),
                        line: number(&field(8)),
                    });
                }
                "V" => all.variables.push(Variable {
                    file: field(1),
                    function: field(2),
                    first_line: number(&field(3)),
                    line: number(&field(4)),
                    name: field(5),
                    kind: field(6),
                    bytes: ByteCount::new(field(7).parse().unwrap_or(0)),
                    shape: field(8),
                    dtype: field(9),
                    address: field(10).parse().unwrap_or(0),
                    site: field(12).parse().unwrap_or(0),
                    allocated: String::new(),
                    shared_with: field(11),
                    columns: Vec::new(),
                }),
                "C" => {
                    if let Some(variable) = all.variables.last_mut() {
                        variable.columns.push(Column {
                            name: field(1),
                            dtype: field(2),
                            bytes: ByteCount::new(field(3).parse().unwrap_or(0)),
                            distinct: field(4).parse().ok(),
                        });
                    }
                }
                _ => {}
            }
        }
        all
    }
}

impl Variables {
    /// Adds what modules held at the end and nobody held by a name at the peak: what a function was about to return has none. Where
    /// the end was the peak, what grew since the last look is taken as it was then.
    pub(crate) fn and(mut self, last: Self, was_peak: bool) -> Self {
        for variable in last.variables {
            let is_known = |held: &Variable| {
                let same_name =
                    held.name == variable.name && held.function == variable.function && held.file == variable.file;
                same_name || !held.name.is_empty() && held.address > 0 && held.address == variable.address
            };
            if let Some(at) = self.variables.iter().position(is_known) {
                if let Some(held) = self.variables.get_mut(at).filter(|held| was_peak && held.bytes < variable.bytes) {
                    *held = variable;
                }
                continue;
            }
            let unnamed =
                |held: &Variable| held.name.is_empty() && held.address > 0 && held.address == variable.address;
            self.variables.retain(|held| !unnamed(held));
            self.variables.push(variable);
        }
        self.variables.sort_by_key(|variable| std::cmp::Reverse(variable.bytes));
        self
    }
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or(0)
}

/// `\t`, `\n`, `\r` and `\\` are written for what they stand for.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            (character, false) => character,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_helper_writes_is_read() {
        let text = "S\tuncaught\t0\n\
            E\t_ArrayMemoryError\tUnable to\\tallocate\t(3, 4)\tfloat64\t96\t/a.py\tmain\t7\n\
            V\t/a.py\t<module>\t1\t9\tdf\tDataFrame\t123\t(5, 2)\t\t4096\tview\t7\n\
            C\tname\\\\x\tobject\t100\t0.25\n\
            C\tn\tint64\t23\t\n\
            odd\tline\n";
        let all = Variables::read(text);
        let error = all.error.unwrap();
        assert_eq!((all.reason.as_str(), error.message.as_str(), error.line), ("uncaught", "Unable to\tallocate", 7));
        assert_eq!(error.bytes, Some(ByteCount::new(96)));
        let [variable] = &all.variables[..] else { panic!() };
        assert_eq!((variable.name.as_str(), variable.bytes, variable.address), ("df", ByteCount::new(123), 4096));
        assert_eq!((variable.shared_with.as_str(), variable.site), ("view", 7));
        assert_eq!(variable.columns[0].name, "name\\x");
        assert_eq!((variable.columns[0].distinct, variable.columns[1].distinct), (Some(0.25), None));
        assert_eq!(Variables::read(""), Variables::default());
    }

    #[test]
    fn what_had_no_name_at_the_peak_gets_the_one_of_the_end() {
        let row = |name: &str, function: &str, address: u64, bytes: u64| {
            format!("V\t/a.py\t{function}\t1\t1\t{name}\tndarray\t{bytes}\t\t\t{address}\t\n")
        };
        let peak = Variables::read(&(row("", "ones", 64, 100) + &row("kept", "<module>", 128, 50)));
        let last = Variables::read(
            &(row("big", "<module>", 64, 100) + &row("kept", "<module>", 256, 10) + &row("alias", "<module>", 128, 9)),
        );
        let names: Vec<String> = peak.and(last, false).variables.into_iter().map(|variable| variable.name).collect();
        assert_eq!(names, ["big", "kept"]);
    }
}
