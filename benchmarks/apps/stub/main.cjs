// A storage account in memory that costs next to nothing, for measuring what calls it: queues, tables and blobs, with
// ETags and transactions, as the app uses them. It checks no signature. It says what Azurite says when it listens.
"use strict";
const http = require("node:http");
const { answer } = require("./answers.cjs");
const { blob } = require("./blobs.cjs");
const { queue, refuse } = require("./queues.cjs");
const { table } = require("./tables.cjs");

const calls = { blob: 0, queue: 0, table: 0 };

// What is no storage account's: have queues refuse messages, and count the calls of each service.
function control({ path, method }) {
  if (path === "refuse") refuse(method === "PUT");
  return answer(200, { "Content-Type": "application/json" }, JSON.stringify(calls));
}

function serve(service) {
  return (message, response) => {
    const chunks = [];
    message.on("data", (chunk) => chunks.push(chunk));
    message.on("end", () => {
      const [path, query] = message.url.split("?");
      const [, account, ...rest] = decodeURIComponent(path).split("/");
      const request = { path: rest.join("/").replace(/\(\)$/, ""), method: message.method, headers: message.headers, query: new URLSearchParams(query), body: Buffer.concat(chunks) };
      calls[service.name] += account === "stub" ? 0 : 1;
      const { status, headers, body } = account === "stub" ? control(request) : service(request);
      response.writeHead(status, { "Content-Length": Buffer.byteLength(body), "x-ms-request-id": "0", "x-ms-version": "2019-02-02", ...headers });
      response.end(message.method === "HEAD" ? undefined : body);
    });
  };
}

async function main() {
  for (const [name, service] of [["Blob", blob], ["Queue", queue], ["Table", table]]) {
    const server = http.createServer({ keepAliveTimeout: 120_000 }, serve(service));
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    console.log(`Azurite ${name} service is successfully listening at http://127.0.0.1:${server.address().port}`);
  }
}

main();
