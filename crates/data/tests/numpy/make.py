"""Writes the files beside it with NumPy. Run: pip install numpy; python make.py"""
import numpy as np

a = np.array([[1.5, -2.0, 0.1], [3e38, 1e-45, -0.0]], dtype="<f4")
np.save("f4.npy", a)
np.save("f8_fortran.npy", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)))
np.save("i4_big.npy", np.array([1, -2, 2**31 - 1], dtype=">i4"))
np.save("f2.npy", np.array([1, -0.5, 65504, 6e-8, 0.333, np.inf, np.nan], dtype="f2"))
np.save("u1.npy", np.array([0, 255], dtype="u1"))
np.save("u8.npy", np.array([1, 2**63], dtype="u8"))
np.save("bool.npy", np.array([[True], [False]]))
np.save("scalar.npy", np.array(7))
np.save("empty.npy", np.zeros((0, 3)))
np.save("text.npy", np.array(["a", "bc"]))
np.savez("stored.npz", x=a, labels=np.array([0, 1]), names=np.array(["a", "b"]))
np.savez_compressed("compressed.npz", x=np.zeros(1000), y=np.arange(5))
