"""The pages of monitoring in the admin. `frame` is what they share; every other module is one page."""
