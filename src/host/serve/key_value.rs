//! `spin:key-value` over the [`Store`]: one store, `default`, for all components of the application.

use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};
use wasmtime::{Result, error::Context as _};

use super::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use super::context::{Context, Spin};
use super::store::Store;

/// A store that the component has opened.
pub struct Opened;

/// The most stores that are open at once in an instance.
const MOST: usize = 64;

impl<T: Send + 'static> HostStoreWithStore<T> for Spin {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> Result<Result<Resource<Opened>, Error>> {
        if label != "default" {
            return Ok(Err(Error::NoSuchStore));
        }
        accessor.with(|mut access| {
            let context = access.get();
            if context.opened >= MOST {
                return Ok(Err(Error::StoreTableFull));
            }
            context.opened += 1;
            Ok(Ok(context.table.push(Opened)?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        opened: Resource<Opened>,
        key: String,
    ) -> Result<Result<Option<Vec<u8>>, Error>> {
        let store = store(accessor, &opened)?;
        Ok(store.get(key).await.map_err(Error::Other))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        opened: Resource<Opened>,
        key: String,
        value: Vec<u8>,
    ) -> Result<Result<(), Error>> {
        let store = store(accessor, &opened)?;
        Ok(store.write(key, Some(value)).await.map_err(Error::Other))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        opened: Resource<Opened>,
        key: String,
    ) -> Result<Result<(), Error>> {
        let store = store(accessor, &opened)?;
        Ok(store.write(key, None).await.map_err(Error::Other))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        opened: Resource<Opened>,
        key: String,
    ) -> Result<Result<bool, Error>> {
        let store = store(accessor, &opened)?;
        Ok(store.exists(key).await.map_err(Error::Other))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        opened: Resource<Opened>,
    ) -> Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let store = store(accessor, &opened)?;
        let (keys, ended) = match store.keys().await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(Error::Other(error))),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let ended = FutureReader::new(&mut access, async move { wasmtime::error::Ok(ended) })?;
            Ok((keys, ended))
        })
    }
}

impl HostStore for &mut Context {
    fn drop(&mut self, opened: Resource<Opened>) -> Result<()> {
        self.table.delete(opened)?;
        self.opened = self.opened.saturating_sub(1);
        Ok(())
    }
}

impl Host for &mut Context {}

fn store<T: Send + 'static>(
    accessor: &Accessor<T, Spin>,
    opened: &Resource<Opened>,
) -> Result<Store> {
    accessor.with(|mut access: Access<'_, T, Spin>| {
        let context = access.get();
        context.table.get(opened).context("no such store is open")?;
        context.begin_wait();
        Ok(context.store.clone())
    })
}
