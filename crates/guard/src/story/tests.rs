//! How a program ended, by what is known of it.

use super::*;

fn cause(status: i32, counts: Counts, uncaught: bool) -> Cause {
    let end = End { status: Ok(ExitStatus::from_raw(status)), ended_by_guard: false, by_wall: false, killed_by: None };
    end.cause(&counts, uncaught)
}

#[test]
fn a_program_ends_for_one_reason() {
    let calm = Counts::default();
    let refused = Counts { refused: 1, ..Counts::default() };
    assert_eq!(cause(0, refused, true), Cause::Itself(0));
    assert_eq!(cause(1 << 8, calm, true), Cause::Itself(1));
    assert_eq!(cause(1 << 8, refused, true), Cause::Refused);
    assert_eq!(cause(1 << 8, refused, false), Cause::Refused);
    assert_eq!(cause(1 << 8, Counts { other_errors: 1, ..refused }, false), Cause::Itself(1));
    assert_eq!(cause(7 << 8, refused, false), Cause::Itself(7));
    assert_eq!(cause(6, refused, false), Cause::Refused);
    assert_eq!(cause(6, calm, false), Cause::Signal(6));
    assert_eq!(cause(9, calm, false), Cause::Signal(9));
    let end = |ended_by_guard, by_wall, killed_by: Option<&str>| End {
        status: Ok(ExitStatus::from_raw(9)),
        ended_by_guard,
        by_wall,
        killed_by: killed_by.map(str::to_owned),
    };
    assert_eq!(end(true, false, None).cause(&calm, false), Cause::Watchdog);
    assert_eq!(end(false, true, Some("x")).cause(&calm, false), Cause::Wall);
    assert_eq!(end(false, false, Some("x")).cause(&calm, false), Cause::Others("x".into()));
}

#[test]
fn a_command_line_is_told_as_a_shell_would_read_it() {
    let options = Options::of(["python", "a b.py", "it's", "--n=3", ""].map(Into::into).to_vec());
    assert_eq!(command_line(&options), r"python 'a b.py' 'it'\''s' --n=3 ''");
}
