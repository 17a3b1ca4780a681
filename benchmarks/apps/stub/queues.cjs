// Queues: messages are counted and not kept.
// Source: https://learn.microsoft.com/rest/api/storageservices/queue-service-rest-api
"use strict";
const { answer, xmlFailure, XML_TYPE } = require("./answers.cjs");

const MESSAGE =
  '<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage>' +
  "<MessageId>5974b586-0df3-4e2d-ad0c-18e3892bfca2</MessageId><InsertionTime>Fri, 09 Oct 2026 21:04:30 GMT</InsertionTime>" +
  "<ExpirationTime>Fri, 31 Dec 9999 23:59:59 GMT</ExpirationTime><PopReceipt>AgAAAAMAAAAAAAAA</PopReceipt>" +
  "<TimeNextVisible>Fri, 09 Oct 2026 21:04:30 GMT</TimeNextVisible></QueueMessage></QueueMessagesList>";

const NO_MESSAGES = '<?xml version="1.0" encoding="utf-8"?><QueueMessagesList />';
const queues = new Map();
// While it is set, no queue takes a message, so that the app parks what comes.
let refusing = false;

function queue({ path, method, query, body }) {
  const [name, messages] = path.split("/");
  if (method === "PUT" && !messages) {
    if (!queues.has(name)) queues.set(name, { messages: 0, bytes: 0 });
    return answer(201);
  }
  if (!queues.has(name)) return xmlFailure(404, "QueueNotFound");
  if (messages && method === "POST") {
    if (refusing) return xmlFailure(503, "ServerBusy");
    const found = queues.get(name);
    found.messages += 1;
    found.bytes += body.length;
    return answer(201, XML_TYPE, MESSAGE);
  }
  if (messages) return answer(200, XML_TYPE, NO_MESSAGES);
  const count = { "x-ms-approximate-messages-count": String(queues.get(name).messages), "x-ms-meta-bytes": String(queues.get(name).bytes) };
  return query.get("comp") === "metadata" ? answer(200, count) : xmlFailure(400, "UnsupportedQueryParameter");
}

function refuse(whether) {
  refusing = whether;
}

module.exports = { queue, refuse };
