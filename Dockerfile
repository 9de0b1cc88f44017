# The image uses an official Node base; the platform packages that carry Node 26 are for checkouts only.
FROM node:26.10.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# With the optional packages: the compiler is one of them. They do not reach the image.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY src src
RUN npx tsc -p tsconfig.build.json \
  && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:26.10.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/crossfade
COPY --from=build --chown=root:root /build/node_modules node_modules
COPY --from=build --chown=root:root /build/dist dist
COPY --chown=root:root package.json ./
COPY --chown=root:root bin bin
COPY --chown=root:root config config
RUN mkdir -p /etc/crossfade /var/lib/crossfade && chown node:node /var/lib/crossfade \
  && ln -s /opt/crossfade/bin/crossfade.js /usr/local/bin/crossfade
USER node
# Configuration and certificates in /etc/crossfade, the plan store in /var/lib/crossfade.
VOLUME /var/lib/crossfade
EXPOSE 8883 9440
# /readyz answers 200 when a worker serves; CROSSFADE_ADMIN names the admin address where it is not the default.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
  CMD ["node", "/opt/crossfade/bin/healthcheck.js"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/opt/crossfade/bin/crossfade.js"]
CMD ["run", "--config", "/etc/crossfade/crossfade.yaml"]
