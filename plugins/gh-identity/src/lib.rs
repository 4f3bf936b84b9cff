//! Tells a workspace which agent it is, and installs a gh wrapper that attributes what it publishes.
