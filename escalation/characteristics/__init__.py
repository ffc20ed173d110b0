"""What outcomes tell: operating characteristics, whether two engines agree, and the optimal benchmark."""
