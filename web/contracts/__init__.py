"""The contracts of the gateway: an OpenAPI document for HTTP, an AsyncAPI document for the WebSocket and Kafka."""
