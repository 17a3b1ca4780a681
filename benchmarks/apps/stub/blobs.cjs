// Blobs: with metadata and ETags, listed, and deleted 256 in a request.
// Source: https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"use strict";
const { answer, escape, nextETag, xmlFailure, XML_TYPE } = require("./answers.cjs");

const containers = new Map();

function blob(request) {
  const { path, method, query, body, headers } = request;
  const slash = path.indexOf("/");
  const [name, key] = slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash + 1)];
  if (query.get("comp") === "batch") return deleteBlobs(body.toString());
  if (query.get("restype") === "container" && method === "PUT") return createContainer(name);
  const container = containers.get(name);
  if (container === undefined) return xmlFailure(404, "ContainerNotFound");
  if (query.get("comp") === "list") return listBlobs(name, container, query);
  if (method === "PUT" && !query.has("comp")) return putBlob(container, key, body, headers);
  const found = container.get(key);
  if (found === undefined) return xmlFailure(404, "BlobNotFound");
  if (method === "DELETE") return deleteBlob(container, key, headers["if-match"]);
  if (query.get("comp") === "metadata" && method === "PUT") return setMetadata(found, headers);
  return answer(200, blobHeaders(found), method === "HEAD" ? "" : found.body);
}

const metadataOf = (headers) => Object.entries(headers).filter(([name]) => name.startsWith("x-ms-meta-"));

function createContainer(name) {
  if (containers.has(name)) return xmlFailure(409, "ContainerAlreadyExists");
  containers.set(name, new Map());
  return answer(201, { ETag: nextETag(false) });
}

function putBlob(container, key, body, headers) {
  if (headers["if-none-match"] === "*" && container.has(key)) return xmlFailure(409, "BlobAlreadyExists");
  const made = { body, etag: nextETag(false), at: new Date().toUTCString(), metadata: metadataOf(headers) };
  container.set(key, made);
  return answer(201, { ETag: made.etag, "Last-Modified": made.at });
}

function setMetadata(found, headers) {
  if (headers["if-match"] && headers["if-match"] !== found.etag) return xmlFailure(412, "ConditionNotMet");
  found.metadata = metadataOf(headers);
  found.etag = nextETag(false);
  return answer(200, { ETag: found.etag, "Last-Modified": found.at });
}

function deleteBlob(container, key, match) {
  const found = container.get(key);
  if (found === undefined) return xmlFailure(404, "BlobNotFound");
  if (match && match !== "*" && match !== found.etag) return xmlFailure(412, "ConditionNotMet");
  container.delete(key);
  return answer(202);
}

function deleteBlobs(text) {
  const parts = [...text.matchAll(/DELETE \/?(\S+?)(?:\?\S*)? HTTP\/1\.1\r\n([\s\S]*?)\r\n\r\n/g)].map(([, path, headers], at) => {
    const [, name, ...key] = decodeURIComponent(path).replace(/^.*devstoreaccount1/, "").split("/");
    const match = /^If-Match: *(.*)$/im.exec(headers)?.[1].trim();
    const done = deleteBlob(containers.get(name) ?? new Map(), key.join("/"), match);
    const code = done.headers["x-ms-error-code"];
    return (
      `--batchresponse_1\r\nContent-Type: application/http\r\nContent-ID: ${at}\r\n\r\nHTTP/1.1 ${done.status} ${code ?? "Accepted"}\r\n` +
      `${code ? `x-ms-error-code: ${code}\r\n` : ""}x-ms-request-id: 0\r\nx-ms-version: 2019-02-02\r\n\r\n\r\n`
    );
  });
  return answer(202, { "Content-Type": "multipart/mixed; boundary=batchresponse_1" }, `${parts.join("")}--batchresponse_1--\r\n`);
}

const blobHeaders = (found) => ({ ETag: found.etag, "Last-Modified": found.at, "Content-Type": "application/octet-stream", "x-ms-blob-type": "BlockBlob", "Accept-Ranges": "bytes", "Content-Range": `bytes 0-${found.body.length - 1}/${found.body.length}`, ...Object.fromEntries(found.metadata) });

function listBlobs(name, container, query) {
  const prefix = query.get("prefix") ?? "";
  const names = [...container.keys()].filter((key) => key.startsWith(prefix) && key >= (query.get("marker") ?? "")).sort();
  const size = Math.min(Number(query.get("maxresults") ?? 5000), 5000);
  const blobs = names.slice(0, size).map((key) => listed(key, container.get(key)));
  const marker = names.length > size ? escape(names[size]) : "";
  const list = `<Blobs>${blobs.join("")}</Blobs><NextMarker>${marker}</NextMarker>`;
  return answer(200, XML_TYPE, `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="${name}">${list}</EnumerationResults>`);
}

function listed(key, { body, etag, at, metadata }) {
  const values = metadata.map(([name, value]) => [name.slice("x-ms-meta-".length), escape(value)]);
  const properties = `<Creation-Time>${at}</Creation-Time><Last-Modified>${at}</Last-Modified><Etag>${etag.replaceAll('"', "")}</Etag><Content-Length>${body.length}</Content-Length><BlobType>BlockBlob</BlobType>`;
  const tags = values.map(([name, value]) => `<${name}>${value}</${name}>`).join("");
  return `<Blob><Name>${escape(key)}</Name><Properties>${properties}</Properties><Metadata>${tags}</Metadata></Blob>`;
}

module.exports = { blob };
