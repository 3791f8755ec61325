#!/bin/bash
# Roles of the first start: one owns the tables, one serves, one is Keycloak's. Passwords come from the environment.
set -euo pipefail
psql --username postgres --dbname jit --set ON_ERROR_STOP=1 \
  --set owner="$JIT_OWNER_PASSWORD" --set app="$JIT_APP_PASSWORD" --set keycloak="$KEYCLOAK_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE jit_owner LOGIN PASSWORD :'owner';
CREATE ROLE jit_app LOGIN PASSWORD :'app';
CREATE ROLE keycloak LOGIN PASSWORD :'keycloak';
ALTER DATABASE jit OWNER TO jit_owner;
ALTER SCHEMA public OWNER TO jit_owner;
REVOKE ALL ON DATABASE jit FROM PUBLIC;
GRANT CONNECT ON DATABASE jit TO jit_app;
CREATE DATABASE keycloak OWNER keycloak;
REVOKE ALL ON DATABASE keycloak FROM PUBLIC;
SQL
