-- once, on the primary, as the superuser: psql -h /run/postgresql -d postgres -f database.sql
CREATE ROLE wangge_owner LOGIN PASSWORD '@OWNER_PASSWORD@';
CREATE ROLE wangge_app   LOGIN PASSWORD '@APP_PASSWORD@';
CREATE DATABASE wangge OWNER wangge_owner;
\connect wangge
CREATE EXTENSION postgis;
CREATE EXTENSION btree_gist;
CREATE EXTENSION pg_trgm;
