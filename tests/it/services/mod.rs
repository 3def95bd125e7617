//! Targets that ask the servers behind an app, against those servers themselves.

mod amqp;
mod fcgi;
mod grpc;
mod hostile;
mod memcached;
mod mysql;
mod postgres;
mod redis;
