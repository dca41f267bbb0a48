"""PyTorch programs in the sandbox: opened, understood, compiled to ONNX."""
