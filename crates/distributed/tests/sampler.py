# DistributedSampler of PyTorch 2.15: python3 sampler.py > sampler.json
import torch, json
from torch.utils.data import DistributedSampler
out=[]
for n in [0,1,3,10,11,17]:
    for size in [1,2,4]:
        for shuffle in [True, False]:
            for drop in [True, False]:
                for seed, epoch in [(0,0),(0,3),(7,1)]:
                    if not shuffle and (seed,epoch)!=(0,0): continue
                    parts=[]
                    for rank in range(size):
                        s=DistributedSampler(range(n), num_replicas=size, rank=rank, shuffle=shuffle, seed=seed, drop_last=drop)
                        s.set_epoch(epoch)
                        try: got=list(s); assert len(s)==len(got)
                        except Exception as e: got=repr(e)
                        parts.append(got)
                    out.append(dict(n=n,size=size,shuffle=shuffle,drop_last=drop,seed=seed,epoch=epoch,parts=parts))
print("[\n"+",\n".join(json.dumps(o) for o in out)+"\n]")
