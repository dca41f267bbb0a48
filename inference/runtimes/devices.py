"""Where native runtimes compute. Set once when a process starts, from the settings; the runtimes know no Django."""

# cpu; cuda; or auto: cuda where PyTorch finds it.
torch_device = "cpu"
