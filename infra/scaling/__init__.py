"""How large a deployment must be: a simulation, measurements that check it, and what follows for many sessions."""
