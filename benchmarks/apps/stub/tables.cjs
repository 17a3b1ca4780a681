// Tables: rows with ETags, transactions, and queries with filters.
// Source: https://learn.microsoft.com/rest/api/storageservices/table-service-rest-api
"use strict";
const { answer, nextETag } = require("./answers.cjs");

const KEYS = /\(PartitionKey='((?:[^']|'')*)',RowKey='((?:[^']|'')*)'\)$/;
const CHANGE = /^(POST|PUT|MERGE|PATCH|DELETE) \S*?\/(\w+)(\(.*\))? HTTP\/1\.1\r\n([\s\S]*?)\r\n\r\n([\s\S]*)$/;
const JSON_TYPE = { "Content-Type": "application/json;odata=minimalmetadata" };
const PAGE = 1000;

const tables = new Map();
const failure = (status, code) => answer(status, { ...JSON_TYPE, "x-ms-error-code": code }, oDataError(code));
const oDataError = (code) => JSON.stringify({ "odata.error": { code, message: { lang: "en-US", value: `0:${code}` } } });

function table(request) {
  const { path, method, headers, body, query } = request;
  const name = path.split("(")[0];
  if (name === "Tables") return method === "POST" ? createTable(JSON.parse(body)) : namesOfTables();
  if (name === "$batch") return transaction(body.toString(), headers["content-type"]);
  const rows = tables.get(name);
  if (rows === undefined) return failure(404, "TableNotFound");
  const keys = KEYS.exec(path);
  if (method === "GET") return keys ? getRow(rows, keys) : queryRows(rows, query);
  const entity = body.length ? JSON.parse(body) : {};
  const { status, code, etag, write } = change(rows, method, keys, entity, headers["if-match"]);
  if (code) return failure(status, code);
  write();
  return answer(204, etag ? { ETag: etag } : {});
}

function createTable({ TableName: name }) {
  if (tables.has(name)) return failure(409, "TableAlreadyExists");
  tables.set(name, new Map());
  return answer(204);
}

function namesOfTables() {
  return answer(200, JSON_TYPE, JSON.stringify({ value: [...tables.keys()].map((TableName) => ({ TableName })) }));
}

const unquoted = (key) => key.replaceAll("''", "'");
const idOf = (partition, row) => `${partition}\n${row}`;
const shown = ({ etag, at, entity }) => ({ "odata.etag": etag, ...entity, Timestamp: at });

function getRow(rows, [, partition, row]) {
  const found = rows.get(idOf(unquoted(partition), unquoted(row)));
  return found ? answer(200, { ...JSON_TYPE, ETag: found.etag }, JSON.stringify(shown(found))) : failure(404, "ResourceNotFound");
}

// Decides on one change of a row and writes nothing yet: a transaction writes all of its changes or none.
function change(rows, method, keys, entity, condition) {
  const [partition, row] = keys ? [unquoted(keys[1]), unquoted(keys[2])] : [entity.PartitionKey, entity.RowKey];
  const id = idOf(partition, row);
  const old = rows.get(id);
  if (method === "POST" && old) return { status: 409, code: "EntityAlreadyExists" };
  if (condition && !old) return { status: 404, code: "ResourceNotFound" };
  if (condition && condition !== "*" && condition !== old.etag) return { status: 412, code: "UpdateConditionNotSatisfied" };
  if (method === "DELETE") return { write: () => rows.delete(id) };
  const merged = method === "MERGE" || method === "PATCH" ? { ...old?.entity, ...entity } : entity;
  const etag = nextETag(true);
  const made = { etag, at: new Date().toISOString(), entity: { ...merged, PartitionKey: partition, RowKey: row } };
  return { etag, write: () => rows.set(id, made) };
}

function transaction(text) {
  const writes = [];
  const parts = [];
  for (const part of text.split(/\r\n\r\n(?=(?:POST|PUT|MERGE|PATCH|DELETE) )/).slice(1)) {
    const [, method, name, keys, headers, rest] = CHANGE.exec(part);
    const body = rest.slice(0, rest.lastIndexOf("\r\n--"));
    const end = body.search(/\r\n--(?:changeset|batch)/);
    const json = (end < 0 ? body : body.slice(0, end)).trim();
    const rows = tables.get(name);
    const condition = /^If-Match: *(.*)$/im.exec(headers)?.[1].trim();
    const path = keys === undefined ? null : KEYS.exec(decodeURIComponent(keys));
    const done = rows
      ? change(rows, method, path, json.startsWith("{") ? JSON.parse(json) : {}, condition)
      : { status: 404, code: "TableNotFound" };
    if (done.code) return changeset([innerAnswer(done.status, done.code, parts.length)]);
    writes.push(done.write);
    parts.push(innerAnswer(204, null, parts.length, done.etag));
  }
  writes.forEach((write) => write());
  return changeset(parts);
}

function innerAnswer(status, code, position, etag) {
  const body = code ? oDataError(code).replace('"0:', `"${position}:`) : "";
  const headers = (etag ? `ETag: ${etag}\r\n` : "") + (code ? "Content-Type: application/json\r\n" : "");
  return (
    "--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n" +
    `HTTP/1.1 ${status} ${code ?? "No Content"}\r\nDataServiceVersion: 3.0;\r\n${headers}\r\n${body}\r\n`
  );
}

function changeset(parts) {
  const inner = `Content-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n${parts.join("")}--changesetresponse_1--\r\n`;
  const headers = { "Content-Type": "multipart/mixed; boundary=batchresponse_1" };
  return answer(202, headers, `--batchresponse_1\r\n${inner}--batchresponse_1--\r\n`);
}

function queryRows(rows, query) {
  const meets = condition(query.get("$filter"));
  const from = query.get("NextPartitionKey");
  const after = from === null ? "" : idOf(from, query.get("NextRowKey") ?? "");
  const size = Math.min(Number(query.get("$top") ?? PAGE), PAGE);
  const found = [...rows.entries()].filter(([id, row]) => id >= after && meets(row.entity));
  found.sort(([one], [other]) => (one < other ? -1 : 1));
  const headers = { ...JSON_TYPE };
  if (found.length > size) {
    const next = found[size][1].entity;
    Object.assign(headers, { "x-ms-continuation-NextPartitionKey": next.PartitionKey, "x-ms-continuation-NextRowKey": next.RowKey });
  }
  return answer(200, headers, JSON.stringify({ value: found.slice(0, size).map(([, row]) => shown(row)) }));
}

const TOKEN = /\s*(\(|\)|(?:datetime|guid)?'(?:[^']|'')*'|[\w.:-]+)/gy;
const COMPARISONS = { eq: (a, b) => a === b, ne: (a, b) => a !== b, gt: (a, b) => a > b, ge: (a, b) => a >= b, lt: (a, b) => a < b, le: (a, b) => a <= b };

// Returns the function of a row that a filter of OData describes: comparisons of a column with a value, and, or, not.
function condition(filter) {
  if (!filter) return () => true;
  const tokens = [...filter.matchAll(TOKEN)].map((match) => match[1]);
  const either = () => {
    let left = both();
    while (tokens[0] === "or") left = joined(left, (tokens.shift(), both()), (a, b) => a || b);
    return left;
  };
  const both = () => {
    let left = one();
    while (tokens[0] === "and") left = joined(left, (tokens.shift(), one()), (a, b) => a && b);
    return left;
  };
  const one = () => {
    const first = tokens.shift();
    if (first === "not") return ((inner) => (row) => !inner(row))(one());
    if (first === "(") return ((inner) => (tokens.shift(), inner))(either());
    const [compare, value] = [COMPARISONS[tokens.shift()], literal(tokens.shift())];
    return (row) => first in row && compare(row[first], value);
  };
  return either();
}

const joined = (left, right, join) => (row) => join(left(row), right(row));

function literal(token) {
  const quoted = /^(?:datetime|guid)?'([\s\S]*)'$/.exec(token);
  if (quoted) return unquoted(quoted[1]);
  if (token === "true" || token === "false") return token === "true";
  return token.endsWith("L") ? token.slice(0, -1) : Number(token);
}

module.exports = { table };
