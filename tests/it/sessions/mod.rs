//! Sessions: who may open one, for which login; whose it is, and how long it lasts (contract, `OpenSession`).

mod login;
mod ownership;
mod refusals;
