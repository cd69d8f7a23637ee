"use strict";

// A file of its own, since the page's policy lets no script stand in the page.
window.ui = SwaggerUIBundle({
  url: "/v1/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
  persistAuthorization: false,
});
