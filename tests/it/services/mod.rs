//! Targets that ask the servers behind an app, against those servers themselves.

mod amqp;
mod fcgi;
mod grpc;
mod hostile;
mod ldap;
mod memcached;
mod mqtt;
mod mysql;
mod nats;
mod postgres;
mod redis;
mod scripted;
mod smtp;
mod zookeeper;
