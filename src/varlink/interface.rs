//! An interface's own text (varlink.org, "Interface Definition") as data: what is derived from it cannot differ from it.
//!
//! Reads the texts of this program, one definition a line; it is no judge of others'.

/// What an interface defines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Named structures.
    pub types: Vec<Definition>,
    /// Methods.
    pub methods: Vec<Method>,
    /// Errors.
    pub errors: Vec<Definition>,
}

/// A name, its comment and its members.
#[derive(Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The comment above it.
    pub comment: String,
    /// Its members.
    pub members: Vec<Member>,
}

/// A method.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name and parameters.
    pub call: Definition,
    /// What it answers.
    pub reply: Vec<Member>,
}

/// One member.
#[derive(Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// It may be absent.
    pub optional: bool,
    /// It is a list of this.
    pub list: bool,
    /// `string`, `int`, `bool`, `object`, or the name of a type.
    pub kind: String,
}

impl Interface {
    /// Reads a text; what is no definition is left out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut interface = Self::default();
        let mut comment = String::new();
        for line in text.lines() {
            if let Some(more) = line.strip_prefix('#') {
                if !comment.is_empty() {
                    comment.push(' ');
                }
                comment.push_str(more.trim());
                continue;
            }
            let comment = std::mem::take(&mut comment);
            let Some((word, rest)) = line.split_once(' ') else { continue };
            let Some((name, members)) = rest.split_once('(') else { continue };
            let (members, reply) = members.split_once(')').unwrap_or((members, ""));
            let definition = Definition { name: name.trim().to_owned(), comment, members: read_members(members) };
            match word {
                "type" => interface.types.push(definition),
                "error" => interface.errors.push(definition),
                "method" => {
                    let reply = reply.split_once('(').map_or("", |(_, reply)| reply).trim_end_matches(')');
                    interface.methods.push(Method { call: definition, reply: read_members(reply) });
                }
                _ => {}
            }
        }
        interface
    }

    /// The method of that name.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.call.name == name)
    }
}

fn read_members(text: &str) -> Vec<Member> {
    let members = text.split(',').filter_map(|member| member.split_once(':'));
    let read = |(name, kind): (&str, &str)| {
        let kind = kind.trim();
        let (optional, kind) = kind.strip_prefix('?').map_or((false, kind), |kind| (true, kind));
        let (list, kind) = kind.strip_prefix("[]").map_or((false, kind), |kind| (true, kind));
        Member { name: name.trim().to_owned(), optional, list, kind: kind.to_owned() }
    };
    members.map(read).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::TOKEN_INTERFACE;
    use super::*;

    #[test]
    fn the_interface_of_applications_is_read_whole() {
        let interface = Interface::read(TOKEN_INTERFACE);
        let names: Vec<_> = interface.methods.iter().map(|method| method.call.name.as_str()).collect();
        assert_eq!(names, ["OpenSession", "Issue", "Report", "CloseSession", "Status"]);
        let issue = interface.method("Issue").unwrap();
        assert!(issue.call.comment.starts_with("Issues one assertion."));
        let patient = issue.call.members.iter().find(|member| member.name == "patient").unwrap();
        assert_eq!((patient.optional, patient.list, patient.kind.as_str()), (true, false, "Patient"));
        let seals =
            interface.method("Status").unwrap().reply.iter().find(|member| member.name == "seals").unwrap();
        assert_eq!((seals.optional, seals.list, seals.kind.as_str()), (false, true, "Seal"));
        assert!(interface.method("Report").unwrap().reply.is_empty());
        let kinds = interface.types.iter().map(|one| one.name.as_str());
        let known: Vec<_> = kinds.chain(["string", "int", "bool", "object"]).collect();
        let all = interface.methods.iter().flat_map(|method| method.call.members.iter().chain(&method.reply));
        let all = all.chain(interface.types.iter().chain(&interface.errors).flat_map(|one| &one.members));
        assert!(all.clone().count() > 60 && all.clone().all(|member| known.contains(&member.kind.as_str())));
    }
}
