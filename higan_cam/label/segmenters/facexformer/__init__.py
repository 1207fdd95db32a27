"""FaceXFormer (Narayan et al. 2024, arXiv:2403.12960): parts, landmarks, pose and more of a face by one network."""
