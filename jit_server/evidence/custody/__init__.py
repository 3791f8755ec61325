"""What people do with exhibits and put on their chain of custody: hand-overs from hand to hand, and what follows."""
