// The peer: the smallest Probot app that takes `issues.labeled`. It checks the signature and stores nothing.
//   probot.mjs PORT SECRET     (in a folder whose node_modules has probot)
import { generateKeyPairSync } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// This file lives with the sources, its packages in the build folder that it is started in.
const { run } = await import(pathToFileURL(createRequire(`${process.cwd()}/`).resolve("probot")));
const [port, secret] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

await run((app) => app.on("issues.labeled", async () => {}), {
  env: {
    APP_ID: "1",
    PRIVATE_KEY: privateKey.export({ type: "pkcs1", format: "pem" }),
    WEBHOOK_SECRET: secret,
    WEBHOOK_PATH: "/hooks/github",
    HOST: "127.0.0.1",
    PORT: port,
    LOG_LEVEL: "fatal",
    NODE_ENV: "production",
  },
});
