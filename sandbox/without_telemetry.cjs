// Loaded into Azurite before its own code: its telemetry is off (--disableTelemetry), but the library that would send
// it is loaded all the same, and with the 3,000 files behind it takes two thirds of the time of a start.
const Module = require("node:module");

const load = Module._load;
Module._load = function (request, ...rest) {
  return request === "applicationinsights" ? {} : load.call(this, request, ...rest);
};
