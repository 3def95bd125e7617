//! Targets that ask the servers behind an app, against those servers themselves.

pub(crate) mod amqp;
pub(crate) mod fcgi;
pub(crate) mod grpc;
mod hostile;
mod ldap;
mod log_lines;
mod memcached;
mod mqtt;
pub(crate) mod mysql;
mod nats;
pub(crate) mod postgres;
mod recipes;
pub(crate) mod redis;
pub(crate) mod scripted;
mod smtp;
pub(crate) mod zookeeper;
