"""What server.properties has for a broker that only known users can use: TLS, users, and what each may do."""

from infra.local.own_certificate import subject_of

FOLDER = "tls"  # of certificate and key, in the broker's folder
OWNER = "broker"
CLIENTS, BROKERS, CONTROLLER = "CLIENTS", "BROKERS", "CONTROLLER"  # the listeners
MECHANISM = "SCRAM-SHA-512"
ACCESS = {
    # Clients have a name and a password. Brokers, controllers and the stack itself, which makes the users, have a
    # certificate of an authority that signs no other.
    "listener.security.protocol.map": f"{CLIENTS}:SASL_SSL,{BROKERS}:SSL,{CONTROLLER}:SSL",
    "inter.broker.listener.name": BROKERS,
    "controller.listener.names": CONTROLLER,
    "sasl.enabled.mechanisms": MECHANISM,
    f"listener.name.{CLIENTS.lower()}.{MECHANISM.lower()}.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "ssl.client.auth": "required",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": f"{FOLDER}/{OWNER}.pem",
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": f"{FOLDER}/ca.pem",
    "ssl.enabled.protocols": "TLSv1.3,TLSv1.2",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": f"User:CN={subject_of(OWNER)}",
    "allow.everyone.if.no.acl.found": "false",
}
