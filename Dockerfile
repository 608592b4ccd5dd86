# docker build -t latchkey .
# docker run -p 8080:8080 -p 9464:9464 -v latchkey-data:/data -v ./latchkey.yaml:/config/latchkey.yaml:ro latchkey
# docker run -p 8080:8080 -v latchkey-data:/data latchkey serve --upstream http://api.internal:3000

FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:26-slim
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY bin /app/bin
COPY LICENSE /app/
RUN ln -s /app/bin/latchkey.js /usr/local/bin/latchkey && install -d -o node -g node /data
# The defaults ./config/latchkey.yaml and ./data are /config/latchkey.yaml and /data.
WORKDIR /
VOLUME /data
# By number, so that Kubernetes can see that it is not root. In the base image this is the user "node".
USER 1000:1000
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["latchkey"]
CMD ["serve"]
