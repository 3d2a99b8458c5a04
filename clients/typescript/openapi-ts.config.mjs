// Reads openapi.json, which `make clients` writes; the functions need nothing but fetch.
export default {
  input: "openapi.json",
  output: { path: "src/generated", importFileExtension: ".js" },
  plugins: ["@hey-api/client-fetch", "@hey-api/sdk", "@hey-api/typescript"],
};
