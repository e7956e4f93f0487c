"""The listeners of a node in server.properties: open to all programs of this machine, or only to known users."""

from infra.local.own_certificate import subject_of
from infra.local.ports import LOOPBACK

OWNER = "broker"  # of the certificate
CERTIFICATE, AUTHORITY = f"{OWNER}.pem", "ca.pem"  # the names of the files
MECHANISM = "SCRAM-SHA-512"


def open_listeners(clients: int, controller: int) -> dict[str, object]:
    """Listeners on these ports, for every program of this machine."""
    return {
        "listeners": f"PLAINTEXT://{LOOPBACK}:{clients},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{clients}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
    }


def secured_listeners(clients: int, controller: int, nodes: int, tls: str) -> dict[str, object]:
    """Listeners on these ports, all with TLS. Clients need a user, and have the rights that it was given.

    Brokers, controllers and the stack itself, which makes the users, show the brokers' certificate: its authority
    signs no other. ``nodes`` is the port between brokers, ``tls`` the folder of certificate and key.
    """
    own = f"CLIENTS://{LOOPBACK}:{clients},NODES://{LOOPBACK}:{nodes}"
    return {
        "listeners": f"{own},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": own,
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,NODES:SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "NODES",
        "sasl.enabled.mechanisms": MECHANISM,
        f"listener.name.clients.{MECHANISM.lower()}.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.client.auth": "required",  # Kafka asks no client that has a user
        "ssl.enabled.protocols": "TLSv1.3,TLSv1.2",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": f"{tls}/{CERTIFICATE}",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": f"{tls}/{AUTHORITY}",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:CN={subject_of(OWNER)}",
    }
