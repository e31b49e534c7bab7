# What the other files of this folder hold in place of @NAMES@, for the machine db1; edit, then
#   sed -f values.sed patroni.yml > /etc/patroni/config.yml
# For db2 and db3 only the first five lines differ. Passwords: openssl rand -hex 24
s|@NODE@|db1|g
s|@POSTGRES@|10.0.0.11:5432|g
s|@REST@|10.0.0.11:8008|g
s|@ETCD@|10.0.0.11:2379|g
s|@PEER@|10.0.0.11:2380|g
# all three machines
s|@POSTGRES1@|10.0.0.11:5432|g
s|@POSTGRES2@|10.0.0.12:5432|g
s|@POSTGRES3@|10.0.0.13:5432|g
s|@REST_PORT1@|8008|g
s|@REST_PORT2@|8008|g
s|@REST_PORT3@|8008|g
s|@ETCD1@|10.0.0.11:2379|g
s|@ETCD2@|10.0.0.12:2379|g
s|@ETCD3@|10.0.0.13:2379|g
s|@PEER1@|10.0.0.11:2380|g
s|@PEER2@|10.0.0.12:2380|g
s|@PEER3@|10.0.0.13:2380|g
s|@DATABASE_NETWORK@|10.0.0.0/28|g
s|@SERVICE_NETWORK@|10.0.1.0/28|g
# places on a machine with Debian's packages
s|@DATA@|/var/lib/postgresql/15/wangge|g
s|@PG_BIN@|/usr/lib/postgresql/15/bin|g
s|@PG_PORT@|5432|g
s|@SOCKETS@|/run/postgresql|g
s|@SUPERUSER@|postgres|g
s|@PGPASS@|/var/lib/postgresql/pgpass|g
s|@CERTIFICATE@|/etc/ssl/wangge/server.crt|g
s|@CERTIFICATE_KEY@|/etc/ssl/wangge/server.key|g
s|@ETCD_DATA@|/var/lib/etcd/wangge|g
s|@SCRIPTS@|/etc/patroni|g
s|@PGBACKREST_CONF@|/etc/pgbackrest.conf|g
s|@REPOSITORY@|/srv/pgbackrest|g
s|@PGBACKREST_LOGS@|/var/log/pgbackrest|g
s|@PGBACKREST_LOCKS@|/tmp/pgbackrest|g
# on the machines of the service
s|@PRIMARY_PORT@|5000|g
s|@REPLICAS_PORT@|5001|g
# secrets
s|@SUPERUSER_PASSWORD@|change-me-1|g
s|@REPLICATION_PASSWORD@|change-me-2|g
s|@REWIND_PASSWORD@|change-me-3|g
s|@REST_PASSWORD@|change-me-4|g
s|@REPOSITORY_KEY@|change-me-5|g
s|@OWNER_PASSWORD@|change-me-6|g
s|@APP_PASSWORD@|change-me-7|g
