// What the services of the account answer with.
"use strict";

let version = 0;

const answer = (status, headers = {}, body = "") => ({ status, headers, body });
const nextETag = (weak) => (weak ? `W/"${++version}"` : `"0x${(++version).toString(16)}"`);
const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const XML_TYPE = { "Content-Type": "application/xml" };
const xmlFailure = (status, code) =>
  answer(status, { ...XML_TYPE, "x-ms-error-code": code }, `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);

module.exports = { answer, escape, nextETag, xmlFailure, XML_TYPE };
