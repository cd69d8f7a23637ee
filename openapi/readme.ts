// The example of the README, compiled and run by tests.
import createClient from "openapi-fetch";
import type { paths } from "./generated/portal";

const portal = createClient<paths>({ baseUrl: "http://127.0.0.1:8000" });

const { data, error } = await portal.POST("/v1/auth/login", {
  body: { practice: "harbor", email: "owner@harbor.example", password: "printed by make run", delivery: "body" },
});
if (error) throw new Error(`${error.code}: ${error.detail}`);

portal.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${data.access_token}`);
    return request;
  },
});
const clients = await portal.GET("/v1/clients", { params: { query: { limit: 20 } } });
console.log(clients.data?.data.map((client) => client.given_name));
