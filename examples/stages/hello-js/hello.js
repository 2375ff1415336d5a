import * as context from "tidegate:stage/context@0.1.0";
import * as report from "tidegate:stage/report@0.1.0";

const schema = {
  type: "object",
  additionalProperties: false,
  properties: { name: { type: "string", description: "Whom to greet", default: "world" } },
};

export const plugin = {
  describe: () => ({
    name: "hello",
    version: "0.1.0",
    summary: "Greets somebody",
    configSchema: JSON.stringify(schema),
  }),

  // Nothing beyond the base that every stage has.
  requests: (_input) => [],

  run() {
    const { name = "world" } = JSON.parse(context.config());
    report.log("info", `hello, ${name}`);
    report.setOutput("greeted", JSON.stringify(name));
  },
};
