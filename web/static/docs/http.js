// Shows the OpenAPI document with Swagger UI, in the colours that the browser prefers.

const place = document.querySelector("#viewer");
const dark = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

follow();
dark.addEventListener("change", follow);

window.SwaggerUIBundle({
  domNode: place,
  url: new URL(place.dataset.document, document.baseURI).href,
  validatorUrl: null, // it would send the document to another server
  deepLinking: true,
  tryItOutEnabled: true,
});
