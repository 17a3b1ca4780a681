// Loaded into Azurite before its own code: when the process that started it is gone, however it went, its end of
// this pipe closes, and Azurite ends too. A signal could not promise that: nobody can catch SIGKILL and pass it on.
process.stdin.on("end", () => process.exit(0)).resume();
